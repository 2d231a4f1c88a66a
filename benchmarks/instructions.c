// Presents samples to a network, each once to predict and once to learn, and nothing else: run under
// callgrind by cost.py, which counts what happens inside naca_infer and naca_learn.
//
//     instructions IMAGE SAMPLES LABELS KIND COUNT
//
// SAMPLES holds samples of COUNT bytes each (KIND 0: raw uint8, 3: codes), LABELS a byte for each.

#include "naca/naca.h"

#include <stdio.h>
#include <stdlib.h>

static void *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*size + 1u); // malloc aligns well enough for the core
    if (data == NULL || fread(data, 1, *size, file) != *size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: instructions IMAGE SAMPLES LABELS KIND COUNT\n");
        return 2;
    }
    size_t image_size;
    size_t samples_size;
    size_t labels;
    const void *data = read_file(argv[1], &image_size);
    const unsigned char *samples = read_file(argv[2], &samples_size);
    const unsigned char *label = read_file(argv[3], &labels);
    naca_image_t image;
    naca_t *core;
    naca_result_t result;
    uint32_t size;
    naca_sample_t sample = {(naca_sample_kind_t)atoi(argv[4]), samples, (uint32_t)atoi(argv[5])};
    if (naca_image_open_with(naca_all_stages(), &image, data, (uint32_t)image_size) != NACA_OK ||
        naca_workspace_size(&image, &size) != NACA_OK ||
        naca_init(&image, malloc(size), size, &core) != NACA_OK) {
        fprintf(stderr, "the image does not open\n");
        return 1;
    }
    for (size_t i = 0; i < labels; i++) {
        sample.data = samples + i * sample.count;
        if (naca_infer(core, &sample, &result) != NACA_OK ||
            naca_learn(core, &sample, label[i], &result) != NACA_OK) {
            fprintf(stderr, "sample %zu is refused\n", i);
            return 1;
        }
    }
    return 0;
}
