// Stellaris LM3S6965 evaluation board: UART0 (a PL011) on PA0 and PA1.

#include "cortex_m.h"

#define RCC REGISTER(0x400FE060)
#define RCGC0 REGISTER(0x400FE100)
#define RCGC1 REGISTER(0x400FE104)
#define RCGC2 REGISTER(0x400FE108)
#define WDT_LOAD REGISTER(0x40000000)
#define WDT_CTL REGISTER(0x40000008)
#define WDT_ICR REGISTER(0x4000000C)
#define GPIOA_AFSEL REGISTER(0x40004420)
#define GPIOA_DEN REGISTER(0x4000451C)
#define UART_DR REGISTER(0x4000C000)
#define UART_FR REGISTER(0x4000C018)
#define UART_IBRD REGISTER(0x4000C024)
#define UART_FBRD REGISTER(0x4000C028)
#define UART_LCRH REGISTER(0x4000C02C)
#define UART_CTL REGISTER(0x4000C030)
#define UART_IM REGISTER(0x4000C038)
#define UART_ICR REGISTER(0x4000C044)

enum { UART0_INTERRUPT = 5, RXFE = 1u << 4, TXFF = 1u << 5, OVERRUN = 1u << 11 };
enum { CLOCK = 8000000, BAUD = 115200 };

const char board_name[] = "lm3s6965";

static void uart_interrupt(void)
{
    UART_ICR = 0x7FF;
    while ((UART_FR & RXFE) == 0) {
        const uint32_t data = UART_DR;
        if (data & OVERRUN) {
            board_lost();
        }
        board_received((uint8_t)data);
    }
}

void (*const board_interrupts[])(void) __attribute__((section(".vectors.board"), used)) = {
    [UART0_INTERRUPT] = uart_interrupt,
};

void board_start(void)
{
    RCC = 15u << 23 | 1u << 13 | 1u << 11 | 14u << 6; // the 8 MHz crystal, no PLL
    RCGC1 |= 1u << 0;
    RCGC2 |= 1u << 0;
    (void)RCGC2; // the peripherals' clocks take a moment
    GPIOA_AFSEL |= 3u;
    GPIOA_DEN |= 3u;
    UART_CTL = 0;
    UART_IBRD = CLOCK / (16 * BAUD);
    UART_FBRD = (CLOCK % (16 * BAUD) * 64 + 8 * BAUD) / (16 * BAUD);
    UART_LCRH = 3u << 5 | 1u << 4; // 8 bits, FIFOs
    UART_IM = 1u << 4 | 1u << 6;   // received, or left waiting in the FIFO
    UART_CTL = 1u << 9 | 1u << 8 | 1u << 0;
    cortex_m_enable(UART0_INTERRUPT);
    cortex_m_start_tick(CLOCK);
}

void board_send(uint8_t byte)
{
    while ((UART_FR & TXFF) != 0) {
    }
    UART_DR = byte;
}

// The first time-out is an interrupt, which nobody listens to, the second one resets: 4 s in all.
void board_watch(void)
{
    RCGC0 |= 1u << 3;
    (void)RCGC0;
    WDT_LOAD = 2u * CLOCK;
    WDT_CTL = 1u << 1 | 1u << 0; // resets; runs
}

void board_feed(void)
{
    WDT_ICR = 1; // starts over
}

uint32_t board_clock(void)
{
    return cortex_m_ticks() << 24 ^ CORTEX_M_SYST_CVR;
}
