// Learned state in the 4 KiB of EEPROM. Bytes there need no erasing; it is done all the same, as
// the store expects it. The chip takes 3.4 ms a byte, and endures 100 000 changes of each.

#include "board.h"

#include <avr/eeprom.h>

enum { SIZE = E2END + 1, SECTOR = 256, WORD = 4 };

static uint8_t *address(uint32_t offset)
{
    return (uint8_t *)(uintptr_t)offset;
}

static int erase(void *user, uint32_t offset)
{
    (void)user;
    for (uint32_t i = 0; i < SECTOR; i++) {
        eeprom_update_byte(address(offset + i), 0xFF);
    }
    return 0;
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    eeprom_update_block(data, address(offset), size);
    return 0;
}

static int read(void *user, uint32_t offset, void *data, uint32_t size)
{
    (void)user;
    eeprom_read_block(data, address(offset), size);
    return 0;
}

const naca_flash_t *board_state_flash(void)
{
    static const naca_flash_t flash = {NULL, SIZE, SECTOR, WORD, erase, write, read};
    return &flash;
}
