#include "board.h"

// Memory that start-up leaves alone: noise after power-up on a real chip, a counter from then on.
static struct {
    uint32_t boots;
    uint8_t noise[28];
} kept __attribute__((section(".noinit")));

uint32_t board_entropy(void)
{
    uint32_t mixed = naca_crc32(0, &kept, sizeof kept);
    kept.boots++;
    for (uint32_t i = 0; i < 8u; i++) {
        // How long the clock takes to move is never quite the same where interrupts, a real UART or
        // an emulator's host have a say.
        const uint32_t start = board_clock();
        uint32_t turns = 0;
        while (board_clock() == start && turns < 20000u) {
            turns++;
        }
        mixed = naca_crc32(mixed, &turns, sizeof turns);
        mixed = naca_crc32(mixed, &start, sizeof start);
    }
    return mixed;
}
