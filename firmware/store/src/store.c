#include "naca/store.h"

#include <stdbool.h>
#include <string.h>

// A save lies in a run of sectors, which goes on at the first sector after the last: header, block.
// The header is written last and ends with its own checksum, so a torn one is none.

// Bytes moved at a time: divides every erase_size, so no piece crosses a sector.
enum { PIECE = 64 };

typedef struct save_header {
    uint8_t magic[4];
    uint32_t generation;
    uint32_t erases;
    uint32_t key;
    uint32_t size;
    uint32_t crc; // of the block
    uint32_t reserved;
    uint32_t check; // CRC-32 of the header before it
} save_header_t;
typedef char save_header_has_its_size[sizeof(save_header_t) == NACA_STORE_HEADER ? 1 : -1];

static const uint8_t magic[4] = {'N', 'S', 'A', 'V'};

static uint32_t check_of(const save_header_t *header)
{
    return naca_crc32(0, header, offsetof(save_header_t, check));
}

// Sectors that a block takes, header included; 0 for one that takes more than half of them.
static uint32_t sectors_of(const naca_store_t *store, uint32_t size)
{
    const uint32_t erase_size = store->flash->erase_size;
    if (size > store->flash->size / 2u) {
        return 0; // nor does the sum below overflow
    }
    const uint32_t sectors = (NACA_STORE_HEADER + size + erase_size - 1u) / erase_size;
    return sectors <= store->sectors / 2u ? sectors : 0;
}

// Where a byte of a save lies, counted from the start of its header.
static uint32_t place(const naca_store_t *store, const naca_block_t *block, uint32_t offset)
{
    const uint32_t whole = store->sectors * store->flash->erase_size;
    const uint32_t at = block->sector * store->flash->erase_size + offset;
    return at < whole ? at : at - whole;
}

static int read_block(const naca_store_t *store, const naca_block_t *block, uint32_t offset,
                      uint8_t *data, uint32_t size)
{
    const naca_flash_t *flash = store->flash;
    offset += NACA_STORE_HEADER;
    int failed = 0;
    while (failed == 0 && size > 0) {
        const uint32_t left = flash->erase_size - offset % flash->erase_size;
        const uint32_t piece = size < left ? size : left;
        failed = flash->read(flash->user, place(store, block, offset), data, piece);
        offset += piece;
        data += piece;
        size -= piece;
    }
    return failed;
}

// Whether the memory holds the block whose size and checksum are known.
static bool is_whole(const naca_store_t *store, const naca_block_t *block)
{
    uint8_t piece[PIECE];
    uint32_t crc = 0;
    for (uint32_t at = 0; at < block->size; at += PIECE) {
        const uint32_t left = block->size - at;
        const uint32_t size = left < PIECE ? left : PIECE;
        if (read_block(store, block, at, piece, size) != 0) {
            return false;
        }
        crc = naca_crc32(crc, piece, size);
    }
    return crc == block->crc;
}

static bool read_header(const naca_store_t *store, uint32_t sector, save_header_t *header)
{
    const naca_flash_t *flash = store->flash;
    return flash->read(flash->user, sector * flash->erase_size, header, sizeof *header) == 0 &&
           memcmp(header->magic, magic, sizeof magic) == 0 && header->check == check_of(header) &&
           header->generation != 0 && sectors_of(store, header->size) != 0;
}

// Make the save of the greatest generation below `limit` the latest; false if there is none.
static bool find_latest(naca_store_t *store, uint32_t limit)
{
    save_header_t header;
    store->generation = 0;
    for (uint32_t sector = 0; sector < store->sectors; sector++) {
        if (read_header(store, sector, &header) && header.generation < limit &&
            header.generation > store->generation) {
            store->generation = header.generation;
            store->erases = header.erases;
            store->latest.sector = sector;
            store->latest.key = header.key;
            store->latest.size = header.size;
            store->latest.crc = header.crc;
        }
    }
    return store->generation != 0;
}

static bool is_usable(const naca_flash_t *flash)
{
    return flash->erase_size >= PIECE && flash->erase_size % PIECE == 0 &&
           flash->size / 2u >= flash->erase_size && flash->write_size != 0 &&
           NACA_STORE_UNIT % flash->write_size == 0;
}

naca_store_status_t naca_store_open(naca_store_t *store, const naca_flash_t *flash)
{
    memset(store, 0, sizeof *store);
    if (flash == NULL || !is_usable(flash)) {
        return NACA_STORE_ARGUMENT;
    }
    store->flash = flash;
    store->sectors = flash->size / flash->erase_size;
    // Generations fall from one attempt to the next, and there are no more saves than sectors.
    uint32_t limit = UINT32_MAX;
    for (uint32_t i = 0; i < store->sectors && find_latest(store, limit); i++) {
        if (is_whole(store, &store->latest)) {
            return store->latest.size != 0 ? NACA_STORE_OK : NACA_STORE_EMPTY;
        }
        limit = store->generation;
    }
    store->generation = 0;
    memset(&store->latest, 0, sizeof store->latest);
    return NACA_STORE_EMPTY;
}

static naca_store_status_t failure(naca_store_t *store)
{
    store->errors++;
    store->writing = 0;
    return NACA_STORE_FLASH;
}

naca_store_status_t naca_store_begin(naca_store_t *store, uint32_t key, uint32_t size)
{
    const naca_flash_t *flash = store->flash;
    if (flash == NULL) {
        return NACA_STORE_ARGUMENT;
    }
    store->writing = 0;
    const uint32_t count = sectors_of(store, size);
    if (count == 0) {
        return NACA_STORE_TOO_LARGE;
    }
    const uint32_t after = store->generation != 0 ? sectors_of(store, store->latest.size) : 0;
    store->next.sector = (store->latest.sector + after) % store->sectors;
    store->next.key = key;
    store->next.size = size;
    store->next.crc = 0;
    store->written = 0;
    for (uint32_t i = 0; i < count; i++) {
        store->erases++; // even if it fails, it wears
        if (flash->erase(flash->user, place(store, &store->next, i * flash->erase_size)) != 0) {
            return failure(store);
        }
    }
    store->writing = 1;
    return NACA_STORE_OK;
}

// Write whole units; what follows the last byte is filled up.
static int write_units(const naca_flash_t *flash, uint32_t at, const uint8_t *data, uint32_t size)
{
    const uint32_t whole = size - size % flash->write_size;
    int failed = whole != 0 ? flash->write(flash->user, at, data, whole) : 0;
    if (failed == 0 && whole < size) {
        uint32_t unit[NACA_STORE_UNIT / 4]; // as words, for its alignment
        memset(unit, 0xFF, sizeof unit);
        memcpy(unit, data + whole, size - whole);
        failed = flash->write(flash->user, at + whole, unit, flash->write_size);
    }
    return failed;
}

naca_store_status_t naca_store_append(naca_store_t *store, const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    if (!store->writing || size > store->next.size - store->written ||
        (size % NACA_STORE_UNIT != 0 && size != store->next.size - store->written)) {
        return NACA_STORE_ARGUMENT;
    }
    store->next.crc = naca_crc32(store->next.crc, bytes, size);
    while (size > 0) {
        const uint32_t at = NACA_STORE_HEADER + store->written;
        const uint32_t left = PIECE - at % PIECE;
        const uint32_t piece = size < left ? size : left;
        if (write_units(store->flash, place(store, &store->next, at), bytes, piece) != 0) {
            return failure(store);
        }
        store->written += piece;
        bytes += piece;
        size -= piece;
    }
    return NACA_STORE_OK;
}

naca_store_status_t naca_store_commit(naca_store_t *store)
{
    const naca_flash_t *flash = store->flash;
    if (!store->writing || store->written != store->next.size) {
        return NACA_STORE_ARGUMENT;
    }
    save_header_t header;
    save_header_t kept;
    memcpy(header.magic, magic, sizeof magic);
    header.generation = store->generation + 1u;
    header.erases = store->erases;
    header.key = store->next.key;
    header.size = store->next.size;
    header.crc = store->next.crc;
    header.reserved = 0;
    header.check = check_of(&header);
    if (!is_whole(store, &store->next) ||
        flash->write(flash->user, place(store, &store->next, 0), &header, sizeof header) != 0 ||
        !read_header(store, store->next.sector, &kept) || kept.check != header.check) {
        return failure(store);
    }
    store->writing = 0;
    store->generation = header.generation;
    store->latest = store->next;
    return NACA_STORE_OK;
}

naca_store_status_t naca_store_save(naca_store_t *store, uint32_t key, uint32_t size,
                                    naca_store_source_t source, void *user)
{
    uint32_t piece[PIECE / 4]; // as words, for its alignment
    naca_store_status_t status = naca_store_begin(store, key, size);
    while (status == NACA_STORE_OK && store->written < size) {
        const uint32_t left = size - store->written;
        const uint32_t count = left < PIECE ? left : PIECE;
        if (source(user, store->written, piece, count) != 0) {
            return failure(store);
        }
        status = naca_store_append(store, piece, count);
    }
    return status == NACA_STORE_OK ? naca_store_commit(store) : status;
}

naca_store_status_t naca_store_read(const naca_store_t *store, uint32_t offset, void *data,
                                    uint32_t size)
{
    if (store->generation == 0) {
        return NACA_STORE_EMPTY;
    }
    if (offset > store->latest.size || size > store->latest.size - offset) {
        return NACA_STORE_ARGUMENT;
    }
    return read_block(store, &store->latest, offset, data, size) == 0 ? NACA_STORE_OK
                                                                      : NACA_STORE_FLASH;
}

naca_store_status_t naca_store_clear(naca_store_t *store)
{
    return naca_store_save(store, 0, 0, NULL, NULL);
}

uint32_t naca_store_wear(const naca_store_t *store)
{
    return store->sectors != 0 ? (store->erases + store->sectors - 1u) / store->sectors : 0;
}
