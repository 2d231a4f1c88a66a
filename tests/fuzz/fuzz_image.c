/// libFuzzer target. Where the bytes are cut must not matter to their CRC.

#include "naca/naca.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t cut = size > 0 ? data[0] % size : 0;
    const uint32_t first = naca_crc32(0, data, cut);
    if (naca_crc32(first, data + cut, size - cut) != naca_crc32(0, data, size)) {
        abort();
    }
    return 0;
}
