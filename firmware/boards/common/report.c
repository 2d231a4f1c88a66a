#include "board.h"

void board_print(const char *text)
{
    while (*text != '\0') {
        board_send((uint8_t)*text++);
    }
}

void board_print_hex(uint32_t number)
{
    for (uint32_t digit = 0; digit < 8u; digit++) {
        board_send((uint8_t)"0123456789abcdef"[number >> 28]);
        number <<= 4;
    }
}

// The line may be in the middle of a frame. A zero byte ends that, and another one ends this text,
// which is no valid frame: the host drops it, and a person sees it.
void board_fault(const char *kind, uint32_t where, uint32_t why)
{
    board_send(0);
    board_print("\r\nfault: ");
    board_print(kind);
    board_print(" at ");
    board_print_hex(where);
    board_print(" why ");
    board_print_hex(why);
    board_print("\r\n");
    board_send(0);
    board_reset();
}
