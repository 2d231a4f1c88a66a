/// Prints the CRC-32 of a file, computed by the core: `naca_replay FILE`.

#include "naca/naca.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: naca_replay FILE\n");
        return 2;
    }
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    uint8_t buffer[4096];
    uint32_t crc = 0;
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        crc = naca_crc32(crc, buffer, got);
    }
    const int failed = ferror(file);
    fclose(file);
    if (failed) {
        fprintf(stderr, "%s: cannot be read\n", argv[1]);
        return EXIT_FAILURE;
    }
    printf("%08" PRIx32 "\n", crc);
    return EXIT_SUCCESS;
}
