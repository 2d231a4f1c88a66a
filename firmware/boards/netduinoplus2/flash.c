// Learned state in the STM32F405's own flash: sectors 10 and 11, 128 KiB each (RM0090, section 3).
// QEMU does not model this controller; tests/test_stm32_drivers.py runs this code on a model of it.
//
// Erasing a sector takes one to two seconds in which nothing can be fetched from flash, so that
// bytes which come meanwhile are lost (and counted): a host had better wait for the answer.

#include "cortex_m.h"

#include <string.h>

#define FLASH_ACR REGISTER(0x40023C00)
#define FLASH_KEYR REGISTER(0x40023C04)
#define FLASH_SR REGISTER(0x40023C0C)
#define FLASH_CR REGISTER(0x40023C10)

enum { FIRST_SECTOR = 10, WORD = 4 }; // the sector that STATE in board.ld begins with
enum { PG = 1u << 0, SER = 1u << 1, BY_WORD = 2u << 8, STRT = 1u << 16, BSY = 1u << 16 };
enum { DATA_CACHE = 1u << 10, FORGET_DATA = 1u << 12 };
#define SECTOR_SIZE ((uint32_t)128 * 1024)
#define LOCK (1u << 31)
#define ERRORS 0xF2u

static bool is_inside(uint32_t offset, uint32_t size)
{
    const uint32_t all = (uint32_t)(board_state_end - board_state);
    return offset <= all && size <= all - offset;
}

static void wait(void)
{
    while (FLASH_SR & BSY) {
    }
}

static void unlock(uint32_t how)
{
    wait(); // for what a reset has interrupted
    if (FLASH_CR & LOCK) {
        FLASH_KEYR = 0x45670123;
        FLASH_KEYR = 0xCDEF89AB;
    }
    FLASH_SR = ERRORS; // what an earlier try has left is cleared by writing it
    FLASH_CR = how | BY_WORD;
}

static int finish(void)
{
    wait();
    const int failed = (FLASH_SR & ERRORS) != 0;
    FLASH_CR = LOCK;
    return failed;
}

// Erasing leaves the data cache as it was. It can be made to forget only while it is off.
static void forget_data(void)
{
    const uint32_t before = FLASH_ACR;
    FLASH_ACR = before & ~(uint32_t)DATA_CACHE;
    FLASH_ACR = (before & ~(uint32_t)DATA_CACHE) | FORGET_DATA;
    FLASH_ACR = before & ~(uint32_t)DATA_CACHE;
    FLASH_ACR = before;
}

static int erase(void *user, uint32_t offset)
{
    (void)user;
    if (offset % SECTOR_SIZE != 0 || !is_inside(offset, SECTOR_SIZE)) {
        return -1;
    }
    unlock(SER | (FIRST_SECTOR + offset / SECTOR_SIZE) << 3);
    FLASH_CR |= STRT;
    const int failed = finish();
    forget_data();
    return failed;
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    const uint8_t *from = data;
    if (offset % WORD != 0 || size % WORD != 0 || !is_inside(offset, size)) {
        return -1;
    }
    unlock(PG);
    for (uint32_t i = 0; i < size; i += WORD) {
        uint32_t word;
        memcpy(&word, from + i, sizeof word);
        REGISTER((uintptr_t)board_state + offset + i) = word;
        __asm__ volatile("dsb" ::: "memory"); // another bus than that of the registers
        wait();
    }
    return finish();
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
    static naca_flash_t flash = {NULL, 0, 0, WORD, erase, write, read};
    flash.size = (uint32_t)(board_state_end - board_state);
    flash.erase_size = SECTOR_SIZE;
    return &flash;
}
