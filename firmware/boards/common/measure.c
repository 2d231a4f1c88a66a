// Counts what naca_infer and naca_learn take, one sample after another, and of windows of a signal
// what their features take, and prints it, and in the end the hash of what was learned: run by
// host/counting.py in an emulator whose clock moves by a fixed time with every instruction (QEMU's
// -icount) or that is cycle-accurate (simavr). What is measured comes with the program: the host
// writes image and samples over `measure_input` in the ELF file.

#include "board.h"

#include "naca/signal.h"

#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
enum { ROOM = 5 * 1024 }; // constants lie in RAM here, which the workspace needs as well
#elif defined(__riscv)
enum { ROOM = 192 * 1024 };
#else
#include "cortex_m.h"
enum { ROOM = 192 * 1024 };
#endif

enum { WINDOWS = 7 }; // int16_t[window][channels] each

typedef struct input {
    uint32_t image_size;
    uint16_t kind; // naca_sample_kind_t, or WINDOWS
    uint16_t samples;
    uint32_t numbers; // in a sample
    uint32_t size;    // bytes of a sample
    // The image, at the next multiple of 8 the samples, then a byte for each label.
    uint8_t data[ROOM];
} input_t;

// Volatile, so that no compiler thinks it knows what will be here.
const volatile input_t measure_input
    __attribute__((aligned(8), section(".rodata.measure"))) = {1, 0, 0, 0, 0, {0}};

int main(void);

// ---- a clock ------------------------------------------------------------------------------------

#ifdef __AVR__

enum { PRESCALER = 256 };

static void clock_start(void)
{
    cli();
    TCCR1B = 0;
    TIFR1 = 1u << TOV1;
    TCNT1 = 0;
    TCCR1B = 4u << CS10; // one tick in 256 cycles
}

static uint32_t clock_ticks(void)
{
    const uint16_t ticks = TCNT1;
    return (TIFR1 & 1u << TOV1) != 0 ? UINT32_MAX : ticks;
}

// Nothing to find out: ticks are cycles.
static uint32_t clock_units(uint32_t *ticks)
{
    *ticks = 1;
    return PRESCALER;
}

#else

#ifdef __riscv

static uint32_t started;

static uint32_t instructions(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, minstret" : "=r"(count));
    return count;
}

static void clock_start(void)
{
    __asm__ volatile("csrci mstatus, 8" ::: "memory");
    started = instructions();
}

static uint32_t clock_ticks(void)
{
    return instructions() - started;
}

static void spin(uint32_t turns)
{
    __asm__ volatile("1: addi %0, %0, -1\n"
                     "bnez %0, 1b\n"
                     : "+r"(turns));
}

#else

// From the reference clock, which is slower, where there is one, and the tick's interrupt counts
// how often it wraps. An ARMv6-M has none, and another timer for its tick: there no interrupt comes
// at all.
enum {
    LARGEST = 0xFFFFFF,
    REACHES_FURTHER = __ARM_ARCH_ISA_THUMB > 1,
    ON = 1,
    PROCESSOR_CLOCK = 4
};
enum { INTERRUPT = 2, WRAPPED = 1u << 16, PENDING = 1u << 26, FORGET = 1u << 25, MOST_WRAPS = 255 };
#define ICSR REGISTER(0xE000ED04)

static uint32_t wraps;

static void clock_start(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    CORTEX_M_SYST_CSR = 0;
    ICSR = FORGET;
    wraps = cortex_m_ticks();
    CORTEX_M_SYST_RVR = LARGEST;
    CORTEX_M_SYST_CVR = 0;
    CORTEX_M_SYST_CSR = REACHES_FURTHER ? ON | INTERRUPT : ON | PROCESSOR_CLOCK;
    if (REACHES_FURTHER) {
        __asm__ volatile("cpsie i" ::: "memory");
    }
}

static uint32_t clock_ticks(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    uint32_t left = CORTEX_M_SYST_CVR;
    uint32_t wrapped = cortex_m_ticks() - wraps;
    if (!REACHES_FURTHER) {
        wrapped = CORTEX_M_SYST_CSR & WRAPPED ? MOST_WRAPS : 0;
    } else if ((ICSR & PENDING) != 0) { // just now, and not counted yet
        left = CORTEX_M_SYST_CVR;
        wrapped++;
    }
    return wrapped < MOST_WRAPS ? (wrapped << 24) + LARGEST - left : UINT32_MAX;
}

static void spin(uint32_t turns)
{
    __asm__ volatile(".syntax unified\n"
                     "1: subs %0, %0, #1\n"
                     "bne 1b\n"
                     : "+l"(turns)
                     :
                     : "cc");
}

#endif

// Two instructions a turn tell how many ticks an instruction takes.
static uint32_t clock_units(uint32_t *ticks)
{
    enum { FEW = 1000, MANY = 201000 };
    clock_start();
    spin(FEW);
    const uint32_t few = clock_ticks();
    clock_start();
    spin(MANY);
    *ticks = clock_ticks() - few;
    return 2u * (MANY - FEW);
}

#endif

// ---- what is measured ---------------------------------------------------------------------------

static void print_count(const char *name, uint32_t number)
{
    board_print(name);
    board_print_hex(number);
}

// Set windows up behind a core, in what it leaves of the workspace.
static naca_status_t start_signal(const naca_image_t *image, naca_signal_t **signal)
{
    uint32_t taken;
    naca_status_t status = naca_workspace_size(image, &taken);
    taken = (taken + 7u) & ~7u;
    const uint32_t room = (uint32_t)(board_workspace_end - board_workspace);
    if (status == NACA_OK && taken > room) {
        status = NACA_ERR_WORKSPACE;
    }
    return status == NACA_OK
               ? naca_signal_init(image, board_workspace + taken, room - taken, signal)
               : status;
}

// Count what the features of a window take, samples pushed one by one, and leave them in `sample`.
static naca_status_t count_features(naca_signal_t *signal, uint32_t channels, naca_sample_t *sample)
{
    const int16_t *numbers = sample->data;
    const uint32_t samples = sample->count / channels;
    uint32_t taken;
    naca_status_t status = naca_signal_gap(signal);
    clock_start();
    for (uint32_t i = 0; i < samples && status == NACA_OK; i++) {
        status = naca_signal_push(signal, numbers + i * channels, 1, &taken);
    }
    print_count("push ", clock_ticks());
    clock_start();
    status = status == NACA_OK ? naca_signal_features(signal, sample) : status;
    print_count(" features ", clock_ticks());
    board_print(" ");
    return status;
}

static naca_status_t measure(const input_t *input)
{
    naca_signal_t *signal = NULL;
    naca_signal_facts_t facts;
    naca_image_t image;
    naca_t *core;
    naca_result_t result;
    const uint8_t *samples = input->data + ((input->image_size + 7u) & ~7u);
    const uint8_t *labels = samples + input->samples * input->size;
    naca_status_t status =
        naca_image_open_with(naca_all_stages(), &image, input->data, input->image_size);
    if (status == NACA_OK) {
        status = naca_init(&image, board_workspace,
                           (uint32_t)(board_workspace_end - board_workspace), &core);
    }
    if (status == NACA_OK && input->kind == WINDOWS) {
        status = naca_signal_facts(&image, &facts);
        status = status == NACA_OK ? start_signal(&image, &signal) : status;
    }
    for (uint32_t i = 0; i < input->samples && status == NACA_OK; i++) {
        naca_sample_t sample = {(naca_sample_kind_t)input->kind, samples + i * input->size,
                                input->numbers};
        if (signal != NULL) {
            status = count_features(signal, facts.channels, &sample);
        }
        clock_start();
        status = status == NACA_OK ? naca_infer(core, &sample, &result) : status;
        print_count("infer ", clock_ticks());
        clock_start();
        status = status == NACA_OK ? naca_learn(core, &sample, labels[i], &result) : status;
        print_count(" learn ", clock_ticks());
        board_print("\r\n");
    }
    uint32_t hash = 0;
    if (status == NACA_OK) {
        status = naca_state_hash(core, &hash);
    }
    print_count("state ", hash);
    board_print("\r\n");
    return status;
}

int main(void)
{
    uint32_t ticks;
    board_start();
    const uint32_t units = clock_units(&ticks);
    print_count("\r\nunits ", units);
    print_count(" ticks ", ticks);
    clock_start();
    print_count(" empty ", clock_ticks());
    board_print("\r\n");
    const naca_status_t status = measure((const input_t *)(uintptr_t)&measure_input);
    board_print(naca_status_name(status));
    board_print("\r\nend\r\n");
    for (;;) {
        board_sleep();
    }
}
