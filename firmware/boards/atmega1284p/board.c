// ATmega1284P at 16 MHz: USART0, timer 0 as the tick. Start-up and sections are avr-libc's.
// Constants lie in RAM, the linked-in image too: flash is another address space, which the core
// cannot read.

#include "board.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <stdlib.h>

enum { CLOCK_KHZ = 16000, PRESCALER = 64, BAUD_DIVIDER = 16 }; // 115200 baud, 2.1 % too fast

const char board_name[] = "atmega1284p";

int main(void);
void before_main(void);

static volatile uint32_t ticks;

// A watchdog that has bitten goes on running; a program starts slower than that.
__attribute__((naked, used, section(".init3"))) void before_main(void)
{
    MCUSR = 0;
    wdt_disable();
}

ISR(USART0_RX_vect)
{
    const uint8_t status = UCSR0A;
    if (status & 1u << DOR0) {
        board_lost();
    }
    board_received(UDR0);
}

ISR(TIMER0_COMPA_vect)
{
    ticks++;
}

ISR(BADISR_vect)
{
    board_fault("interrupt", 0, 0);
}

// There are no processor exceptions here; what the compiler or a program gives up on ends in this.
void abort(void)
{
    cli();
    board_fault("abort", (uint16_t)(uintptr_t)__builtin_return_address(0) * 2ul, 0);
}

void board_start(void)
{
    UBRR0 = BAUD_DIVIDER;
    UCSR0A = 1u << U2X0;
    UCSR0C = 3u << UCSZ00;
    UCSR0B = 1u << RXCIE0 | 1u << RXEN0 | 1u << TXEN0;
    TCCR0A = 1u << WGM01;
    OCR0A = CLOCK_KHZ / PRESCALER - 1;
    TIMSK0 = 1u << OCIE0A;
    TCCR0B = 3u << CS00;
    sei();
}

void board_send(uint8_t byte)
{
    while ((UCSR0A & 1u << UDRE0) == 0) {
    }
    UDR0 = byte;
}

// The instruction after sei is still executed before any interrupt, so that none slips in before
// it.
void board_sleep(void)
{
    cli();
    if (!board_has_received()) {
        sleep_enable();
        sei();
        sleep_cpu();
        sleep_disable();
    }
    sei();
}

// Erasing a sector of the EEPROM takes 0.9 s.
void board_watch(void)
{
    wdt_enable(WDTO_2S);
}

void board_feed(void)
{
    wdt_reset();
}

uint32_t board_clock(void)
{
    cli();
    const uint32_t now = ticks << 8 | TCNT0;
    sei();
    return now;
}

void board_reset(void)
{
    cli();
    wdt_enable(WDTO_15MS);
    for (;;) {
    }
}
