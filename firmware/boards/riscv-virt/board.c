// QEMU's RISC-V "virt" machine, rv32imac in machine mode: a 16550 UART behind the PLIC, the CLINT's
// timer as the tick.

#include "board.h"

#include <string.h>

#define BYTE(address) (*(volatile uint8_t *)(address))
#define WORD(address) (*(volatile uint32_t *)(address))

#define UART_DATA BYTE(0x10000000)
#define UART_IER BYTE(0x10000001)
#define UART_FCR BYTE(0x10000002)
#define UART_LCR BYTE(0x10000003)
#define UART_LSR BYTE(0x10000005)
#define PLIC_PRIORITY(source) WORD(0x0C000000 + 4 * (source))
#define PLIC_ENABLE WORD(0x0C002000)
#define PLIC_THRESHOLD WORD(0x0C200000)
#define PLIC_CLAIM WORD(0x0C200004)
#define CLINT_COMPARE_LOW WORD(0x02004000)
#define CLINT_COMPARE_HIGH WORD(0x02004004)
#define CLINT_TIME_LOW WORD(0x0200BFF8)
#define CLINT_TIME_HIGH WORD(0x0200BFFC)
#define TEST_FINISHER WORD(0x00100000)

enum { UART_INTERRUPT = 10, RECEIVED = 1u << 0, OVERRUN = 1u << 1, ROOM = 1u << 5 };
enum { TICK = 10000 }; // of 10 MHz
enum { TIMER_CAUSE = 7, EXTERNAL_CAUSE = 11, RESET = 0x7777 };

extern uint8_t board_data[], board_data_end[], board_data_in_flash[];
extern uint8_t board_bss[], board_bss_end[];

const char board_name[] = "riscv-virt";

int main(void);
void riscv_start(void);
void riscv_run(void) __attribute__((noreturn, used));
void riscv_interrupt(void) __attribute__((interrupt("machine"), used));
void riscv_exception(void) __attribute__((noreturn, used));
void riscv_trap(void);

// The machine has no watchdog: the tick counts down instead, which finds what hangs with interrupts
// on.
enum { PATIENCE = 4000 }; // ticks
static volatile uint32_t patience;

__attribute__((naked, section(".text.start"))) void riscv_start(void)
{
    __asm__ volatile("la sp, board_stack_end\n"
                     "j riscv_run\n");
}

static void tick(void)
{
    uint32_t high;
    uint32_t low;
    do {
        high = CLINT_TIME_HIGH;
        low = CLINT_TIME_LOW;
    } while (high != CLINT_TIME_HIGH);
    const uint64_t next = ((uint64_t)high << 32 | low) + TICK;
    CLINT_COMPARE_HIGH = UINT32_MAX; // not early in between
    CLINT_COMPARE_LOW = (uint32_t)next;
    CLINT_COMPARE_HIGH = (uint32_t)(next >> 32);
}

static void uart_interrupt(void)
{
    const uint32_t source = PLIC_CLAIM;
    uint8_t status;
    while (((status = UART_LSR) & RECEIVED) != 0) {
        if (status & OVERRUN) {
            board_lost();
        }
        board_received(UART_DATA);
    }
    PLIC_CLAIM = source;
}

void riscv_interrupt(void)
{
    uint32_t cause;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    if (cause == (1u << 31 | EXTERNAL_CAUSE)) {
        uart_interrupt();
        return;
    }
    tick();
    if (patience == 1u) {
        uint32_t where;
        __asm__ volatile("csrr %0, mepc" : "=r"(where));
        board_fault("watchdog", where, 0);
    }
    patience -= patience != 0 ? 1u : 0u;
}

void riscv_exception(void)
{
    uint32_t where;
    uint32_t cause;
    __asm__ volatile("csrr %0, mepc" : "=r"(where));
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    board_fault("exception", where, cause);
}

// The stack may be what has run out, so an exception gets it anew.
__attribute__((naked, aligned(4))) void riscv_trap(void)
{
    __asm__ volatile("csrw mscratch, t0\n"
                     "csrr t0, mcause\n"
                     "bgez t0, 1f\n"
                     "csrr t0, mscratch\n"
                     "j riscv_interrupt\n"
                     "1: la sp, board_stack_end\n"
                     "j riscv_exception\n");
}

// No access, not in machine mode either, to the bytes below the stack, until the next reset.
static void guard_stack(void)
{
    enum { LOCKED = 0x80, POWER_OF_TWO = 0x18 };
    const uint32_t place = (uint32_t)(uintptr_t)board_guard;
    __asm__ volatile("csrw pmpaddr0, %0" ::"r"(place >> 2 | (BOARD_GUARD / 8u - 1u)));
    __asm__ volatile("csrw pmpcfg0, %0" ::"r"((uint32_t)LOCKED | POWER_OF_TWO));
}

void board_start(void)
{
    UART_LCR = 3; // 8 bits; the baud rate is nothing to the model
    UART_FCR = 7; // FIFOs on, and emptied
    UART_IER = 1; // received
    PLIC_PRIORITY(UART_INTERRUPT) = 1;
    PLIC_ENABLE = 1u << UART_INTERRUPT;
    PLIC_THRESHOLD = 0;
    tick();
    __asm__ volatile("csrw mtvec, %0" ::"r"(riscv_trap));
    __asm__ volatile("csrs mie, %0" ::"r"(1u << EXTERNAL_CAUSE | 1u << TIMER_CAUSE));
    __asm__ volatile("csrsi mstatus, 8" ::: "memory");
}

void riscv_run(void)
{
    guard_stack();
    memcpy(board_data, board_data_in_flash, (size_t)(board_data_end - board_data));
    memset(board_bss, 0, (size_t)(board_bss_end - board_bss));
    (void)main();
    board_reset();
}

void board_send(uint8_t byte)
{
    while ((UART_LSR & ROOM) == 0) {
    }
    UART_DATA = byte;
}

// With interrupts masked a pending one still ends the sleep, so that none slips in before it.
void board_sleep(void)
{
    __asm__ volatile("csrci mstatus, 8" ::: "memory");
    if (!board_has_received()) {
        __asm__ volatile("wfi" ::: "memory");
    }
    __asm__ volatile("csrsi mstatus, 8" ::: "memory");
}

void board_watch(void)
{
    board_feed();
}

void board_feed(void)
{
    patience = PATIENCE;
}

uint32_t board_clock(void)
{
    return CLINT_TIME_LOW;
}

void board_reset(void)
{
    for (;;) {
        TEST_FINISHER = RESET;
    }
}
