// A file of the emulator's host that behaves as flash does, where an emulator has no flash to
// program. Reached by semihosting, so it takes an emulator that offers that; on a chip without a
// debugger its instruction is a fault: no board should ship with it.

#include "board.h"

#include <string.h>

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_SEEK = 0x0A };
enum { READ_AND_WRITE = 3, CREATE = 7 }; // "r+b", "w+b"
enum { PIECE = 64, WORD = 4 };

// As the chip's flash, whose place in the address space QEMU fills with memory that cannot be
// written.
#define SECTOR ((uint32_t)128 * 1024)

static const char name[] = "state.bin";
static uint32_t file; // its handle: 0 until it is open, and -1 if it cannot be

static uint32_t call(uint32_t operation, const void *arguments)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static uint32_t open_as(uint32_t mode)
{
    const uint32_t arguments[] = {(uint32_t)(uintptr_t)name, mode, sizeof name - 1u};
    return call(SYS_OPEN, arguments);
}

static bool is_inside(uint32_t offset, uint32_t size)
{
    const uint32_t all = (uint32_t)(board_state_end - board_state);
    return offset <= all && size <= all - offset;
}

// Returns how many bytes were not read or written, as both operations do.
static uint32_t move(uint32_t operation, uint32_t offset, const void *data, uint32_t size)
{
    if (file == 0) {
        file = open_as(READ_AND_WRITE);
        file = file != UINT32_MAX ? file : open_as(CREATE);
    }
    const uint32_t place[] = {file, offset};
    const uint32_t arguments[] = {file, (uint32_t)(uintptr_t)data, size};
    return file != UINT32_MAX && call(SYS_SEEK, place) == 0 ? call(operation, arguments) : size;
}

static int erase(void *user, uint32_t offset)
{
    (void)user;
    uint8_t erased[PIECE];
    if (offset % SECTOR != 0 || !is_inside(offset, SECTOR)) {
        return -1;
    }
    memset(erased, 0xFF, sizeof erased);
    for (uint32_t at = 0; at < SECTOR; at += PIECE) {
        if (move(SYS_WRITE, offset + at, erased, PIECE) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    uint8_t piece[PIECE];
    const uint8_t *bytes = data;
    if (offset % WORD != 0 || size % WORD != 0 || !is_inside(offset, size)) {
        return -1;
    }
    while (size > 0) {
        const uint32_t count = size < PIECE ? size : PIECE;
        if (move(SYS_READ, offset, piece, count) != 0) {
            return -1;
        }
        for (uint32_t i = 0; i < count; i++) {
            piece[i] &= bytes[i]; // flash only ever clears bits
        }
        if (move(SYS_WRITE, offset, piece, count) != 0) {
            return -1;
        }
        offset += count;
        bytes += count;
        size -= count;
    }
    return 0;
}

// What the file does not hold yet reads as nothing, which is no save.
static int read(void *user, uint32_t offset, void *data, uint32_t size)
{
    (void)user;
    return is_inside(offset, size) && move(SYS_READ, offset, data, size) == 0 ? 0 : -1;
}

const naca_flash_t *board_state_flash(void)
{
    static naca_flash_t flash = {NULL, 0, 0, WORD, erase, write, read};
    flash.size = (uint32_t)(board_state_end - board_state);
    flash.erase_size = SECTOR;
    return &flash;
}
