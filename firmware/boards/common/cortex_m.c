// Start-up, faults and the tick of every Cortex-M. A board adds its own interrupts in a table
// `board_interrupts`, which the linker script puts right behind the processor's.

#include "cortex_m.h"

#include <string.h>

extern uint8_t board_data[], board_data_end[], board_data_in_flash[];
extern uint8_t board_bss[], board_bss_end[];

int main(void);
void cortex_m_start(void) __attribute__((noreturn));
void cortex_m_exception(void);
void cortex_m_report(const uint32_t *frame, uint32_t number) __attribute__((noreturn, used));

typedef struct vectors {
    const void *stack;
    void (*handlers[15])(void);
} vectors_t;

const vectors_t cortex_m_vectors __attribute__((section(".vectors"), used)) = {
    board_stack_end,
    {cortex_m_start, cortex_m_exception, cortex_m_exception, cortex_m_exception, cortex_m_exception,
     cortex_m_exception, cortex_m_exception, cortex_m_exception, cortex_m_exception,
     cortex_m_exception, cortex_m_exception, cortex_m_exception, cortex_m_exception,
     cortex_m_exception, cortex_m_tick},
};

// What is below the stack cannot be reached: an ARMv8-M knows a limit, an ARMv7-M has a memory
// protection unit, mostly. Elsewhere the end of the RAM has to do.
static void guard_stack(void)
{
#if __ARM_ARCH >= 8
    __asm__ volatile("msr msplim, %0" ::"r"(board_stack));
#elif __ARM_ARCH_ISA_THUMB > 1
    enum {
        REGION = 1u << 4,
        SIZE_64 = 5u << 1,
        NEVER_RUN = 1u << 28,
        ON = 1u,
        REST_AS_BEFORE = 4u
    };
    if (CORTEX_M_MPU_TYPE != 0) {
        CORTEX_M_MPU_RBAR = (uint32_t)(uintptr_t)board_guard | REGION;
        CORTEX_M_MPU_RASR = NEVER_RUN | SIZE_64 | ON; // no access
        CORTEX_M_MPU_CTRL = REST_AS_BEFORE | ON;
        __asm__ volatile("dsb\n isb" ::: "memory");
    }
#endif
}

void cortex_m_start(void)
{
#if __ARM_ARCH_ISA_THUMB > 1
    CORTEX_M_VTOR = (uint32_t)(uintptr_t)&cortex_m_vectors; // a boot loader has one of its own
#endif
    guard_stack();
    memcpy(board_data, board_data_in_flash, (size_t)(board_data_end - board_data));
    memset(board_bss, 0, (size_t)(board_bss_end - board_bss));
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CORTEX_M_CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    (void)main();
    board_reset();
}

// The stack lies at the start of RAM and may be what has run out, so the report gets it anew.
__attribute__((naked)) void cortex_m_exception(void)
{
    __asm__ volatile(
        "cpsid i\n"
        "mov r0, sp\n"
        "mrs r1, ipsr\n"
        "ldr r2, 1f\n"
        "mov sp, r2\n"
        "ldr r2, 2f\n"
        "bx r2\n"
        ".balign 4\n"
        "1: .word board_stack_end\n" // not a literal pool, which may end up too far away
        "2: .word cortex_m_report\n");
}

void cortex_m_report(const uint32_t *frame, uint32_t number)
{
    static const char *const names[] = {"nmi", "hard", "memory", "bus", "usage"};
    const uintptr_t at = (uintptr_t)frame;
    const bool is_frame = at >= (uintptr_t)board_stack && at < (uintptr_t)board_stack_end - 32u;
    uint32_t why = 0;
#if __ARM_ARCH_ISA_THUMB > 1
    why = CORTEX_M_CFSR;
#endif
    board_fault(number >= 2u && number <= 6u ? names[number - 2u] : "exception",
                is_frame ? frame[6] : 0, why);
}

void cortex_m_start_tick(uint32_t hertz)
{
    CORTEX_M_SYST_RVR = hertz / 1000u - 1u;
    CORTEX_M_SYST_CVR = 0;
    CORTEX_M_SYST_CSR = 7; // processor clock, interrupt, on
}

static volatile uint32_t ticks;

void cortex_m_tick(void)
{
    ticks++;
}

uint32_t cortex_m_ticks(void)
{
    return ticks;
}

void cortex_m_enable(uint32_t interrupt)
{
    CORTEX_M_ISER[interrupt / 32u] = 1u << interrupt % 32u;
}

// With interrupts masked a pending one still ends the sleep, so that none slips in before it.
void board_sleep(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (!board_has_received()) {
        __asm__ volatile("wfi" ::: "memory");
    }
    __asm__ volatile("cpsie i" ::: "memory");
}

void board_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    CORTEX_M_AIRCR = 0x05FA0004;
    for (;;) {
    }
}
