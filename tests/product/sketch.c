// A sketch as somebody might write it for an AVR: the exported image, the core and the link, and
// nothing of firmware/boards. It neither saves nor takes images.

#include "product.h"
#include <avr/interrupt.h>
#include <avr/io.h>
#include <naca/link.h>

enum { REMEMBERED = 4, RING = 128, BAUD_DIVIDER = 16 }; // 115200 baud at 16 MHz, 2.1 % too fast

int main(void);

static uint8_t workspace[PRODUCT_WORKSPACE_SIZE] __attribute__((aligned(8)));
static naca_link_t device;
static uint8_t ring[RING];
static volatile uint8_t received, taken;

ISR(USART0_RX_vect)
{
    ring[received % RING] = UDR0;
    received++;
}

static void send(void *user, const uint8_t *data, uint32_t size)
{
    (void)user;
    for (uint32_t i = 0; i < size; i++) {
        while ((UCSR0A & 1u << UDRE0) == 0) {
        }
        UDR0 = data[i];
    }
}

static uint32_t entropy(void *user)
{
    (void)user;
    return TCNT0;
}

static const uint8_t *current_image(void *user, uint32_t *size)
{
    (void)user;
    *size = PRODUCT_IMAGE_SIZE;
    return (const uint8_t *)product_image;
}

static void setup(void)
{
    static naca_remembered_t remembered[REMEMBERED];
    static uint8_t frame[256] __attribute__((aligned(4)));
    static uint8_t answer[128] __attribute__((aligned(4)));
    static const naca_image_memory_t images = {.current = current_image};
    static const naca_link_config_t config = {
        .board = "sketch",
        .send = send,
        .entropy = entropy,
        .frame = frame,
        .frame_size = sizeof frame,
        .answer = answer,
        .answer_size = sizeof answer,
        .remembered = remembered,
        .remembered_count = REMEMBERED,
        .workspace = workspace,
        .workspace_size = sizeof workspace,
        .window = RING,
        .images = &images,
    };
    UBRR0 = BAUD_DIVIDER;
    UCSR0A = 1u << U2X0;
    UCSR0B = 1u << RXCIE0 | 1u << RXEN0 | 1u << TXEN0;
    TCCR0B = 1u << CS00;
    (void)naca_link_init(&device, &config);
    sei();
}

static void loop(void)
{
    if (taken != received) {
        const uint8_t byte = ring[taken % RING];
        taken++;
        naca_link_receive(&device, &byte, 1);
    }
}

int main(void)
{
    setup();
    for (;;) {
        loop();
    }
}
