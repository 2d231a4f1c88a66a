// A Cortex-M4 without an operating system, here QEMU's mps2-an386: vectors and the tick. The C
// library (newlib's rdimon) prints and exits by semihosting.

#include "port.h"

#include <stdint.h>

#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)

enum { CLOCK = 25000000, CPU_CLOCK_INTERRUPT_ON = 7 };

extern uint8_t port_stack_end[]; // mps2.ld
void _start(void);               // the C library's, which calls main

static void (*handler)(void);

static void stop(void)
{
    for (;;) {
    }
}

static void tick(void)
{
    handler();
}

typedef void (*vector_t)(void);
const struct {
    void *stack;
    vector_t reset, exceptions[13], tick;
} port_vectors __attribute__((section(".vectors"), used)) = {
    port_stack_end,
    _start,
    {stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop},
    tick,
};

void port_start(void (*interrupt)(void))
{
    handler = interrupt;
    SYST_RVR = CLOCK / 1000 - 1;
    SYST_CVR = 0;
    SYST_CSR = CPU_CLOCK_INTERRUPT_ON;
}

void port_sleep(void)
{
    __asm__ volatile("wfi" ::: "memory");
}
