// How much of the stack was ever in use: what is not still holds what was painted there.

#include "board.h"

enum { PAINT = 0xC5, OURS = 64 }; // below this function's frame, for what it pushes itself

void board_paint_stack(void)
{
    const volatile uint8_t *here = __builtin_frame_address(0);
    for (volatile uint8_t *at = board_stack; at < here - OURS; at++) {
        *at = PAINT;
    }
}

uint32_t board_stack_used(void)
{
    const volatile uint8_t *at = board_stack;
    while (at < board_stack_end && *at == PAINT) {
        at++;
    }
    return (uint32_t)(board_stack_end - at);
}
