// Arm MPS3 FPGA board with the AN547 image, a Cortex-M55: UART0 (CMSDK), secure addresses.

#include "cortex_m.h"

#define UART_DATA REGISTER(0x59303000)
#define UART_STATE REGISTER(0x59303004)
#define UART_CTRL REGISTER(0x59303008)
#define UART_INT REGISTER(0x5930300C)
#define UART_BAUDDIV REGISTER(0x59303010)

#define WATCHDOG_LOAD REGISTER(0x5802E000)
#define WATCHDOG_CTRL REGISTER(0x5802E008)
#define WATCHDOG_INTCLR REGISTER(0x5802E00C)

enum { TX_FULL = 1u << 0, RX_FULL = 1u << 1, RX_OVERRUN = 1u << 3, RX_INTERRUPT = 1u << 1 };
enum { CLOCK = 32000000, UART_CLOCK = 25000000, BAUD = 115200 };

const char board_name[] = "mps3-an547";

static void uart_interrupt(void)
{
    UART_INT = RX_INTERRUPT;
    if (UART_STATE & RX_OVERRUN) {
        UART_STATE = RX_OVERRUN;
        board_lost();
    }
    while (UART_STATE & RX_FULL) {
        board_received((uint8_t)UART_DATA);
    }
}

// Receiving is interrupt 33; QEMU before version 9 has exchanged it with sending, which stays off.
void (*const board_interrupts[])(void) __attribute__((section(".vectors.board"), used)) = {
    [33] = uart_interrupt,
    [34] = uart_interrupt,
};

void board_start(void)
{
    UART_BAUDDIV = UART_CLOCK / BAUD;
    UART_CTRL = 1u << 0 | 1u << 1 | 1u << 3; // transmit, receive, receive interrupt
    cortex_m_enable(33);
    cortex_m_enable(34);
    cortex_m_start_tick(CLOCK);
}

void board_send(uint8_t byte)
{
    while (UART_STATE & TX_FULL) {
    }
    UART_DATA = byte;
}

// At 32 kHz. The first time-out, after 4 s, is an NMI, which reports it and resets.
void board_watch(void)
{
    WATCHDOG_LOAD = 4u * 32768u;
    WATCHDOG_CTRL = 1u << 1 | 1u << 0;
}

void board_feed(void)
{
    WATCHDOG_INTCLR = 1; // starts over
}

uint32_t board_clock(void)
{
    return cortex_m_ticks() << 24 ^ CORTEX_M_SYST_CVR;
}
