// Learned state in the nRF51's own flash, whose controller QEMU models as well.

#include "cortex_m.h"

#include <string.h>

#define NVMC_READY REGISTER(0x4001E400)
#define NVMC_CONFIG REGISTER(0x4001E504)
#define NVMC_ERASEPAGE REGISTER(0x4001E508)

enum { PAGE = 1024, WORD = 4, READ_ONLY = 0, WRITE = 1, ERASE = 2 };

static bool is_inside(uint32_t offset, uint32_t size)
{
    const uint32_t all = (uint32_t)(board_state_end - board_state);
    return offset <= all && size <= all - offset;
}

static void wait_in(uint32_t mode)
{
    while (NVMC_READY == 0) {
    }
    NVMC_CONFIG = mode;
}

static int erase(void *user, uint32_t offset)
{
    (void)user;
    if (!is_inside(offset, PAGE)) {
        return -1;
    }
    wait_in(ERASE);
    NVMC_ERASEPAGE = (uint32_t)(uintptr_t)board_state + offset;
    wait_in(READ_ONLY);
    return 0;
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    const uint8_t *from = data;
    if (!is_inside(offset, size)) {
        return -1;
    }
    wait_in(WRITE);
    for (uint32_t i = 0; i < size; i += WORD) {
        uint32_t word;
        memcpy(&word, from + i, sizeof word);
        REGISTER((uintptr_t)board_state + offset + i) = word;
        while (NVMC_READY == 0) {
        }
    }
    wait_in(READ_ONLY);
    return 0;
}

static int read(void *user, uint32_t offset, void *data, uint32_t size)
{
    (void)user;
    if (!is_inside(offset, size)) {
        return -1;
    }
    memcpy(data, board_state + offset, size);
    return 0;
}

const naca_flash_t *board_state_flash(void)
{
    static naca_flash_t flash = {NULL, 0, PAGE, WORD, erase, write, read};
    flash.size = (uint32_t)(board_state_end - board_state);
    return &flash;
}
