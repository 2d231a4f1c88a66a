#include "store_mend.h"

#include "store_flash.h"

#include <string.h>

enum { MARKER = NACA_STORE_MARKER, FIRST = 16, LAST = 8 };
enum { SEQUENCE = 4, SAVE = 8, LEFT = 12, MARKER_CHECK = 16 }; // offsets in a marker
enum { SIZE = 8, CHECK = 12 };                                 // in a save's first record

static uint32_t get(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static void put(uint8_t *bytes, uint32_t number)
{
    memcpy(bytes, &number, sizeof number);
}

uint32_t store_unit(const naca_flash_t *flash)
{
    return flash->write_size > 16u ? flash->write_size : 16u;
}

static uint32_t round_up(uint32_t size, const naca_flash_t *flash)
{
    const uint32_t unit = store_unit(flash);
    return (size + unit - 1u) / unit * unit;
}

uint32_t store_start(const naca_flash_t *flash)
{
    return round_up(MARKER, flash);
}

static void mend_marker(uint8_t *marker, uint32_t sector)
{
    static const char start[4] = {'N', 'S', 'A', '3'};
    memcpy(marker, start, sizeof start);
    put(marker + MARKER_CHECK, naca_crc32(sector, marker, MARKER_CHECK));
}

static void mend_first(uint8_t *record, uint32_t sector, uint32_t offset, uint32_t sequence)
{
    const uint32_t place[3] = {sector, offset, sequence};
    put(record + CHECK, naca_crc32(naca_crc32(0, place, sizeof place), record, CHECK));
}

static void mend_last(uint8_t *last, const uint8_t *first, uint32_t crc)
{
    put(last, crc);
    put(last + 4, naca_crc32(naca_crc32(0, first, CHECK), last, 4));
}

void forge(uint8_t *block, uint32_t size, uint32_t where, const naca_flash_t *flash,
           uint32_t sequence, uint32_t generation)
{
    enum { CONTENT = 4, WHOLE = MARKER + FIRST + CONTENT + LAST };
    const uint32_t sectors = flash->size / flash->erase_size;
    for (uint32_t at = where % 64u; at + store_start(flash) + WHOLE <= size; at += WHOLE + 64u) {
        const uint32_t sector = (where / 64u + at / flash->erase_size) % sectors;
        uint8_t *first = block + at + store_start(flash);
        put(block + at + SEQUENCE, sequence);
        put(block + at + SAVE, 0);
        put(block + at + LEFT, 0);
        mend_marker(block + at, sector);
        put(first, generation);
        put(first + 4, 7);
        put(first + SIZE, CONTENT);
        mend_first(first, sector, store_start(flash), sequence);
        mend_last(first + FIRST + CONTENT, first, naca_crc32(0, first + FIRST, CONTENT));
    }
}

// ---- the memory in an input ---------------------------------------------------------------------

typedef struct memory {
    uint8_t *bytes;
    naca_flash_t flash;
} memory_t;

// Go through a save from its first record on and make it whole; it goes on in the sectors behind,
// whose markers are made to say so. Returns where it ends in its last sector, or 0 if it reaches
// further than the memory.
static uint32_t mend_save(memory_t *m, uint32_t *sector, uint32_t offset)
{
    const naca_flash_t *flash = &m->flash;
    uint8_t *base = m->bytes + *sector * flash->erase_size;
    uint8_t *first = base + offset;
    uint8_t last[LAST];
    uint32_t crc = 0;
    mend_first(first, *sector, offset, get(base + SEQUENCE));
    const uint32_t size = get(first + SIZE);
    if (size > flash->size / 2u) {
        return 0;
    }
    offset += FIRST;
    for (uint32_t at = 0; at < size + LAST; at++, offset++) {
        if (offset == flash->erase_size) {
            if (++*sector == flash->size / flash->erase_size) {
                return 0;
            }
            const uint32_t sequence = get(base + SEQUENCE) + 1u;
            base += flash->erase_size;
            put(base + SEQUENCE, sequence);
            put(base + SAVE, get(first + CHECK));
            put(base + LEFT, size + LAST - at);
            mend_marker(base, *sector);
            offset = store_start(flash);
        }
        if (at < size) {
            crc = naca_crc32(crc, base + offset, 1);
        } else {
            mend_last(last, first, crc);
            base[offset] = last[at - size];
        }
    }
    return round_up(offset, flash);
}

// Sector by sector: the marker, then the saves that follow each other.
static void mend_memory(memory_t *m, unsigned seed)
{
    const uint32_t sectors = m->flash.size / m->flash.erase_size;
    for (uint32_t sector = 0; sector < sectors; sector++) {
        uint8_t *base = m->bytes + sector * m->flash.erase_size;
        if ((seed >> sector % 16u & 1u) != 0) {
            put(base + SAVE, 0);
            put(base + LEFT, 0);
            put(base + SEQUENCE, get(base + SEQUENCE) % 64u + 1u); // else nobody believes it
        }
        mend_marker(base, sector);
        uint32_t offset = store_start(&m->flash);
        while (offset != 0 && offset + FIRST + LAST <= m->flash.erase_size) {
            uint8_t *first = m->bytes + sector * m->flash.erase_size + offset;
            if ((seed & 1u) != 0) {
                put(first, get(first) % 4u + 1u);
                put(first + SIZE, get(first + SIZE) % (m->flash.size / 2u));
            }
            offset = mend_save(m, &sector, offset);
        }
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static model_t model;
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size <= INPUT_HEAD || (data[1] & HOSTILE) == 0 || seed % 4u == 0) {
        return size;
    }
    model_make(&model, data[0] % GEOMETRIES);
    memory_t memory = {data + INPUT_HEAD, model.flash};
    if (size - INPUT_HEAD >= memory.flash.size) {
        mend_memory(&memory, seed / 4u);
    }
    return size;
}
