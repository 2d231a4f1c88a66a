// Makes features of windows on an emulated processor with semihosting. The file "windows" holds the
// number of cases, and for each: sizes of image and windows in bytes, whether samples are real, the
// image and the windows, each padded to 8 bytes. The file "features" gets them, in the same order.

#include <naca/naca.h>
#include <naca/signal.h>

#include <stdio.h>
#include <stdlib.h>

static uint64_t image_bytes[1 << 13];
static uint64_t windows[1 << 14];
static uint64_t memory[1 << 14];

static void must_hold(int holds, int line)
{
    if (!holds) {
        printf("line %d does not hold\n", line);
        exit(1);
    }
}

#define must(holds) must_hold(holds, __LINE__)

static void one(FILE *in, FILE *out)
{
    uint32_t head[3];
    naca_image_t image;
    naca_signal_facts_t facts;
    naca_signal_t *signal;
    must(fread(head, sizeof head, 1, in) == 1);
    must(head[0] <= sizeof image_bytes && head[1] <= sizeof windows);
    must(fread(image_bytes, 8, (head[0] + 7) / 8, in) == (head[0] + 7) / 8);
    must(fread(windows, 8, (head[1] + 7) / 8, in) == (head[1] + 7) / 8);
    must(naca_image_open(&image, image_bytes, head[0]) == NACA_OK);
    must(naca_signal_facts(&image, &facts) == NACA_OK);
    must(naca_signal_init(&image, memory, sizeof memory, &signal) == NACA_OK);
    const uint32_t bytes = (head[2] != 0 ? 4u : 2u) * facts.channels * facts.window;
    for (uint32_t at = 0; at < head[1]; at += bytes) {
        const uint8_t *samples = (const uint8_t *)windows + at;
        naca_sample_t made;
        uint32_t taken;
        must(naca_signal_gap(signal) == NACA_OK);
        must((head[2] != 0 ? naca_signal_push_reals(signal, samples, facts.window, &taken)
                           : naca_signal_push(signal, (const void *)samples, facts.window,
                                              &taken)) == NACA_OK);
        must(taken == facts.window && naca_signal_features(signal, &made) == NACA_OK);
        must(fwrite(made.data, 2, made.count, out) == made.count);
    }
}

static FILE *opened(const char *name, const char *mode)
{
    FILE *file = fopen(name, mode);
    if (file == NULL) {
        puts(name);
        exit(1);
    }
    return file;
}

int main(void)
{
    FILE *in = opened("windows", "rb");
    FILE *out = opened("features", "wb");
    uint32_t cases = 0;
    must(fread(&cases, sizeof cases, 1, in) == 1);
    while (cases-- != 0) {
        one(in, out);
    }
    must(fclose(in) == 0 && fclose(out) == 0);
    puts("done");
    return 0;
}
