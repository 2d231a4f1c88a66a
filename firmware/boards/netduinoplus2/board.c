// Netduino Plus 2, and any other board with an STM32F405 (RM0090): USART1 on PA9 and PA10.

#include "cortex_m.h"

#define RCC_CR REGISTER(0x40023800)
#define RCC_PLLCFGR REGISTER(0x40023804)
#define RCC_CFGR REGISTER(0x40023808)
#define RCC_AHB1ENR REGISTER(0x40023830)
#define RCC_APB2ENR REGISTER(0x40023844)
#define FLASH_ACR REGISTER(0x40023C00)
#define GPIOA_MODER REGISTER(0x40020000)
#define GPIOA_AFRH REGISTER(0x40020024)
#define IWDG_KR REGISTER(0x40003000)
#define IWDG_PR REGISTER(0x40003004)
#define IWDG_RLR REGISTER(0x40003008)
#define USART_SR REGISTER(0x40011000)
#define USART_DR REGISTER(0x40011004)
#define USART_BRR REGISTER(0x40011008)
#define USART_CR1 REGISTER(0x4001100C)

enum { USART1_INTERRUPT = 37, RXNE = 1u << 5, TXE = 1u << 7, ORE = 1u << 3 };
enum { HSI = 16000000, PLL = 168000000, BAUD = 115200 };

const char board_name[] = "netduinoplus2";

static void usart_interrupt(void)
{
    const uint32_t status = USART_SR;
    if (status & ORE) {
        board_lost();
    }
    const uint32_t byte = USART_DR; // reading it clears both
    if (status & RXNE) {
        board_received((uint8_t)byte);
    }
}

void (*const board_interrupts[])(void) __attribute__((section(".vectors.board"), used)) = {
    [USART1_INTERRUPT] = usart_interrupt,
};

// 168 MHz from the internal oscillator: / 16 * 336 / 2. Where the PLL does not start (QEMU has no
// model of the clocks) the board goes on with 16 MHz. Returns the processor's clock.
static uint32_t start_clock(void)
{
    RCC_PLLCFGR = 16u | 336u << 6 | 0u << 16 | 7u << 24;
    RCC_CR |= 1u << 24;
    for (uint32_t patience = 100000; (RCC_CR & 1u << 25) == 0; patience--) {
        if (patience == 0) {
            return HSI;
        }
    }
    FLASH_ACR = 5u | 7u << 8; // five wait states; prefetch, both caches
    while ((FLASH_ACR & 7u) != 5u) {
    }
    RCC_CFGR = 2u | 5u << 10 | 4u << 13; // PLL; APB1 a quarter, APB2 half of it
    while ((RCC_CFGR >> 2 & 3u) != 2u) {
    }
    return PLL;
}

void board_start(void)
{
    const uint32_t clock = start_clock();
    RCC_AHB1ENR |= 1u << 0;
    RCC_APB2ENR |= 1u << 4;
    (void)RCC_APB2ENR; // the peripheral's clock takes a moment
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;
    GPIOA_MODER = (GPIOA_MODER & ~(15u << 18)) | 10u << 18;
    USART_BRR = ((clock == PLL ? clock / 2u : clock) + BAUD / 2u) / BAUD;
    USART_CR1 = 1u << 13 | 1u << 3 | 1u << 2 | RXNE; // on; transmit, receive, receive interrupt
    cortex_m_enable(USART1_INTERRUPT);
    cortex_m_start_tick(clock);
}

void board_send(uint8_t byte)
{
    while ((USART_SR & TXE) == 0) {
    }
    USART_DR = byte;
}

// 4096 periods of 64 cycles of the low-speed oscillator, 17 to 47 kHz: 5.6 s at least, where
// erasing a sector takes up to 4 s in which nothing else runs.
void board_watch(void)
{
    IWDG_KR = 0x5555;
    IWDG_PR = 4;
    IWDG_RLR = 0xFFF;
    IWDG_KR = 0xCCCC;
    board_feed();
}

void board_feed(void)
{
    IWDG_KR = 0xAAAA;
}

uint32_t board_clock(void)
{
    return cortex_m_ticks() << 24 ^ CORTEX_M_SYST_CVR;
}
