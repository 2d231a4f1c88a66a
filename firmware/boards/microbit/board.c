// BBC micro:bit, nRF51822: UART on P0.24 and P0.25, which the board's USB interface passes on. This
// Cortex-M0 has no SysTick: TIMER0 ticks instead.

#include "cortex_m.h"

#define UART(offset) REGISTER(0x40002000 + (offset))
#define UART_STARTRX UART(0x000)
#define UART_STARTTX UART(0x008)
#define UART_RXDRDY UART(0x108)
#define UART_TXDRDY UART(0x11C)
#define UART_ERROR UART(0x124)
#define UART_INTENSET UART(0x304)
#define UART_ERRORSRC UART(0x480)
#define UART_ENABLE UART(0x500)
#define UART_PSELTXD UART(0x50C)
#define UART_PSELRXD UART(0x514)
#define UART_RXD UART(0x518)
#define UART_TXD UART(0x51C)
#define UART_BAUDRATE UART(0x524)

#define TIMER(offset) REGISTER(0x40008000 + (offset))
#define TIMER_START TIMER(0x000)
#define TIMER_CAPTURE1 TIMER(0x044)
#define TIMER_COMPARE0 TIMER(0x140)
#define TIMER_SHORTS TIMER(0x200)
#define TIMER_INTENSET TIMER(0x304)
#define TIMER_BITMODE TIMER(0x508)
#define TIMER_PRESCALER TIMER(0x510)
#define TIMER_CC0 TIMER(0x540)
#define TIMER_CC1 TIMER(0x544)

#define WDT(offset) REGISTER(0x40010000 + (offset))
#define WDT_START WDT(0x000)
#define WDT_CRV WDT(0x504)
#define WDT_RREN WDT(0x508)
#define WDT_RR0 WDT(0x600)

#define GPIO_DIRSET REGISTER(0x50000518)
#define GPIO_OUTSET REGISTER(0x50000508)

#define CLOCK_STARTHF REGISTER(0x40000000)

enum { UART0_INTERRUPT = 2, TIMER0_INTERRUPT = 8 };
enum { TX = 24, RX = 25, BAUD_115200 = 0x01D7E000, OVERRUN = 1 };

const char board_name[] = "microbit";

static bool is_sending;

static void uart_interrupt(void)
{
    if (UART_ERROR != 0) {
        UART_ERROR = 0;
        if (UART_ERRORSRC & OVERRUN) {
            board_lost();
        }
        UART_ERRORSRC = 0xF;
    }
    while (UART_RXDRDY != 0) {
        UART_RXDRDY = 0;
        board_received((uint8_t)UART_RXD);
    }
}

static void timer_interrupt(void)
{
    TIMER_COMPARE0 = 0;
    cortex_m_tick();
}

void (*const board_interrupts[])(void) __attribute__((section(".vectors.board"), used)) = {
    [UART0_INTERRUPT] = uart_interrupt,
    [TIMER0_INTERRUPT] = timer_interrupt,
};

void board_start(void)
{
    CLOCK_STARTHF = 1; // the crystal: the internal oscillator is too inexact for a UART
    GPIO_OUTSET = 1u << TX;
    GPIO_DIRSET = 1u << TX;
    UART_PSELTXD = TX;
    UART_PSELRXD = RX;
    UART_BAUDRATE = BAUD_115200;
    UART_ENABLE = 4;
    UART_INTENSET = 1u << 2 | 1u << 9; // received, error
    UART_STARTTX = 1;
    UART_STARTRX = 1;
    cortex_m_enable(UART0_INTERRUPT);
    TIMER_BITMODE = 3;   // 32 bits
    TIMER_PRESCALER = 4; // 1 MHz
    TIMER_CC0 = 1000;
    TIMER_SHORTS = 1; // start over when it gets there
    TIMER_INTENSET = 1u << 16;
    TIMER_START = 1;
    cortex_m_enable(TIMER0_INTERRUPT);
}

// The UART says when a byte has left, not whether there is room: only the first need not wait.
void board_send(uint8_t byte)
{
    while (is_sending && UART_TXDRDY == 0) {
    }
    UART_TXDRDY = 0;
    UART_TXD = byte;
    is_sending = true;
}

void board_watch(void)
{
    WDT_CRV = 4u * 32768u - 1u; // 4 s
    WDT_RREN = 1;
    WDT_START = 1;
}

void board_feed(void)
{
    WDT_RR0 = 0x6E524635;
}

uint32_t board_clock(void)
{
    TIMER_CAPTURE1 = 1;
    return cortex_m_ticks() << 16 ^ TIMER_CC1;
}
