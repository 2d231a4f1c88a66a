// Presents samples to an exported network, and gives back what becomes of each: its features where
// it is a window of a signal, its codes and the answer. benchmarks/exported_c.py builds it, and
// writes driver.h. Samples come from a file, on an AVR from the UART.

#include "driver.h"
#include "network.h"

#include <naca/naca.h>
#include <naca/signal.h>
#include <stdio.h>

#ifdef __AVR__

#include <avr/io.h>

static void put_byte(uint8_t byte)
{
    while ((UCSR0A & (1 << UDRE0)) == 0) {
    }
    UDR0 = byte;
}

// Says when a piece is taken: the host sends the next one then.
static int get(void *to, uint32_t size)
{
    uint8_t *at = to;
    for (uint32_t i = 0; i < size; i++) {
        while ((UCSR0A & (1 << RXC0)) == 0) {
        }
        at[i] = UDR0;
        if (i % PIECE == PIECE - 1 || i == size - 1) {
            put_byte('k');
        }
    }
    return 1;
}

static void put(const void *from, uint32_t size)
{
    const uint8_t *at = from;
    for (uint32_t i = 0; i < size; i++) {
        put_byte(at[i]);
    }
}

static void start(void)
{
    UBRR0 = 8; // 115200 baud
    UCSR0B = 1 << RXEN0 | 1 << TXEN0;
    put_byte('k'); // what comes before that is lost
}

static int end(void)
{
    for (;;) {
    }
}

#else

static FILE *in;
static FILE *out;

static int get(void *to, uint32_t size)
{
    return fread(to, 1, size, in) == size;
}

static void put(const void *from, uint32_t size)
{
    fwrite(from, 1, size, out);
}

static void start(void)
{
    in = fopen("in.bin", "rb");
    out = fopen("out.bin", "wb");
}

static int end(void)
{
    fclose(out);
    return 0;
}

#endif

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
// Where an emulated MPS2 begins: its stack, and the C library's start.
void _start(void);
extern const struct vectors vectors;
__attribute__((section(".vectors"))) const struct vectors {
    void *stack;
    void (*reset)(void);
} vectors = {(void *)0x20400000, _start};
#endif

// An AVR aligns nothing by itself.
#define ALIGNED __attribute__((aligned(8)))

static ALIGNED uint64_t memory[(NETWORK_WORKSPACE_SIZE + 7) / 8];
static uint8_t codes[NETWORK_INPUTS];

#if HAS_SIGNAL

static ALIGNED uint64_t windows[(NETWORK_SIGNAL_SIZE + 7) / 8];
static naca_signal_t *signal;

static int begin(const naca_image_t *image)
{
    return naca_signal_init(image, windows, sizeof windows, &signal) == NACA_OK;
}

static int take(naca_sample_t *sample)
{
    naca_signal_gap(signal);
    for (uint32_t at = 0; at < NETWORK_WINDOW; at++) {
        ALIGNED NUMBER one[NETWORK_CHANNELS];
        uint32_t taken;
        if (!get(one, sizeof one)) {
            return 0;
        }
        const naca_status_t status =
            IS_REAL ? naca_signal_push_reals(signal, one, 1, &taken)
                    : naca_signal_push(signal, (const int16_t *)one, 1, &taken);
        if (status != NACA_OK) {
            return 0;
        }
    }
    if (naca_signal_features(signal, sample) != NACA_OK) {
        return 0;
    }
    put(sample->data, 2u * sample->count);
    return 1;
}

#else

static ALIGNED NUMBER numbers[NETWORK_RAW_COUNT];

static int begin(const naca_image_t *image)
{
    (void)image;
    return 1;
}

static int take(naca_sample_t *sample)
{
    sample->kind = KIND;
    sample->data = numbers;
    sample->count = NETWORK_RAW_COUNT;
    return get(numbers, sizeof numbers);
}

#endif

int main(void)
{
    naca_image_t image;
    naca_t *core;
    start();
    if (OPEN(&image) != NACA_OK || naca_init(&image, memory, sizeof memory, &core) != NACA_OK ||
        !begin(&image)) {
        return 1;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        naca_sample_t sample;
        naca_result_t result;
        if (!take(&sample) || naca_prepare(core, &sample, codes) != NACA_OK ||
            naca_infer(core, &sample, &result) != NACA_OK) {
            return 2;
        }
        const int16_t answer = (int16_t)result.prediction;
        put(codes, sizeof codes);
        put(&answer, sizeof answer);
    }
    return end();
}
