// RAM that behaves as flash does, where an emulator has no flash to program. What is saved here
// lasts over a reset, as uninitialised RAM does, and is gone with the power: no board should ship
// with it.

#include "board.h"

#include <string.h>

enum { SECTOR = 1024, WORD = 4 };

static bool is_inside(uint32_t offset, uint32_t size)
{
    const uint32_t all = (uint32_t)(board_state_end - board_state);
    return offset <= all && size <= all - offset;
}

static int erase(void *user, uint32_t offset)
{
    (void)user;
    if (offset % SECTOR != 0 || !is_inside(offset, SECTOR)) {
        return -1;
    }
    memset(board_state + offset, 0xFF, SECTOR);
    return 0;
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    const uint8_t *bytes = data;
    if (offset % WORD != 0 || size % WORD != 0 || !is_inside(offset, size)) {
        return -1;
    }
    for (uint32_t i = 0; i < size; i++) {
        board_state[offset + i] &= bytes[i]; // flash only ever clears bits
    }
    return 0;
}

static int read(void *user, uint32_t offset, void *data, uint32_t size)
{
    (void)user;
    if (!is_inside(offset, size)) {
        return -1;
    }
    memcpy(data, board_state + offset, (size_t)size);
    return 0;
}

const naca_flash_t *board_state_flash(void)
{
    static naca_flash_t flash = {NULL, 0, SECTOR, WORD, erase, write, read};
    flash.size = (uint32_t)(board_state_end - board_state) & ~(SECTOR - 1u);
    return &flash;
}
