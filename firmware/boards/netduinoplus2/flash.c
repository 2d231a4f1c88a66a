// Learned state in the STM32F405's own flash: sectors 10 and 11, 128 KiB each (RM0090, section 3).
// Built with -DNACA_BOARD_FLASH=chip. QEMU does not model this controller, so no test has run it.
//
// Erasing a sector takes one to two seconds in which nothing can be fetched from flash, so that
// received bytes are lost (and counted): the host's time-outs have to allow for that.

#include "cortex_m.h"

#include <string.h>

#define FLASH_KEYR REGISTER(0x40023C04)
#define FLASH_SR REGISTER(0x40023C0C)
#define FLASH_CR REGISTER(0x40023C10)

enum { FIRST_SECTOR = 10, SECTORS = 2, WORD = 4 };
enum { PG = 1u << 0, SER = 1u << 1, BY_WORD = 2u << 8, STRT = 1u << 16, BSY = 1u << 16 };
#define SECTOR_SIZE ((uint32_t)128 * 1024)
#define START ((uintptr_t)0x080C0000)
#define LOCK (1u << 31)
#define ERRORS 0xF0u

static bool is_inside(uint32_t offset, uint32_t size)
{
    return offset <= SECTORS * SECTOR_SIZE && size <= SECTORS * SECTOR_SIZE - offset;
}

static void unlock(uint32_t how)
{
    if (FLASH_CR & LOCK) {
        FLASH_KEYR = 0x45670123;
        FLASH_KEYR = 0xCDEF89AB;
    }
    FLASH_SR = ERRORS; // what an earlier try has left is cleared by writing it
    FLASH_CR = how | BY_WORD;
}

static int finish(void)
{
    while (FLASH_SR & BSY) {
    }
    const int failed = (FLASH_SR & ERRORS) != 0;
    FLASH_CR = LOCK;
    return failed;
}

static int erase(void *user, uint32_t offset)
{
    (void)user;
    if (!is_inside(offset, SECTOR_SIZE)) {
        return -1;
    }
    unlock(SER | (FIRST_SECTOR + offset / SECTOR_SIZE) << 3);
    FLASH_CR |= STRT;
    return finish();
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    const uint8_t *from = data;
    if (!is_inside(offset, size)) {
        return -1;
    }
    unlock(PG);
    for (uint32_t i = 0; i < size; i += WORD) {
        uint32_t word;
        memcpy(&word, from + i, sizeof word);
        REGISTER(START + offset + i) = word;
        while (FLASH_SR & BSY) {
        }
    }
    return finish();
}

static int read(void *user, uint32_t offset, void *data, uint32_t size)
{
    (void)user;
    if (!is_inside(offset, size)) {
        return -1;
    }
    memcpy(data, (const uint8_t *)START + offset, size);
    return 0;
}

const naca_flash_t *board_state_flash(void)
{
    static const naca_flash_t flash = {NULL,  SECTORS * SECTOR_SIZE, SECTOR_SIZE, WORD,
                                       erase, write,                 read};
    return &flash;
}
