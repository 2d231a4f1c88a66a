#include "internal.h"

// Saves: which is the latest, whether it is whole, and how the next one comes to be.

// Whether all of a save is there. The cursor is left behind it.
static bool is_whole(const naca_store_t *store, const naca_block_t *block, cursor_t *cursor)
{
    uint8_t piece[PIECE];
    uint32_t crc = 0;
    end_t end;
    if (!naca_log_start(store, block, cursor) || !naca_log_read(store, cursor, NULL, BEGIN)) {
        return false;
    }
    for (uint32_t left = block->size; left > 0;) {
        const uint32_t size = left < PIECE ? left : PIECE;
        if (!naca_log_read(store, cursor, piece, size)) {
            return false;
        }
        crc = naca_crc32(crc, piece, size);
        left -= size;
    }
    const end_t expected = naca_log_end(block, crc);
    return naca_log_read(store, cursor, &end, sizeof end) && end.crc == expected.crc &&
           end.check == expected.check;
}

static void make_latest(naca_store_t *store, const naca_block_t *block, const cursor_t *behind)
{
    store->generation = block->generation;
    store->latest = *block;
    store->tail_sector = behind->sector;
    store->tail_offset = round_up(behind->offset, unit_of(store));
    store->tail_sequence = behind->sequence;
}

static bool is_usable(const naca_flash_t *flash)
{
    const uint32_t unit = flash->write_size;
    return flash->erase_size >= PIECE && flash->erase_size % PIECE == 0 &&
           flash->size / 2u >= flash->erase_size && unit != 0 && unit <= PIECE &&
           (unit & (unit - 1u)) == 0 && flash->erase_size > unit;
}

naca_store_status_t naca_store_open(naca_store_t *store, const naca_flash_t *flash)
{
    memset(store, 0, sizeof *store);
    if (flash == NULL) {
        return NACA_STORE_NONE;
    }
    if (!is_usable(flash)) {
        return NACA_STORE_ARGUMENT;
    }
    store->flash = flash;
    store->sectors = flash->size / flash->erase_size;
    naca_log_look(store);
    naca_block_t block = {0, 0, UINT32_MAX, 0, 0, 0, 0}; // behind all
    cursor_t cursor;
    while (naca_log_find(store, &block)) { // each lies before the last
        if (is_whole(store, &block, &cursor)) {
            make_latest(store, &block, &cursor);
            return block.size != 0 ? NACA_STORE_OK : NACA_STORE_EMPTY;
        }
    }
    return store->has_other_format ? NACA_STORE_VERSION : NACA_STORE_EMPTY;
}

void naca_store_set_progress(naca_store_t *store, naca_progress_t progress, void *user)
{
    store->progress = progress;
    store->progress_user = user;
}

static naca_store_status_t failure(naca_store_t *store)
{
    store->errors++;
    store->writing = 0;
    return NACA_STORE_FLASH;
}

// A save begins behind the latest if all of it fits that sector, else with a new one: so two saves
// of half the sectors each never meet.
static void aim(naca_store_t *store)
{
    const uint32_t erase_size = store->flash->erase_size;
    const uint32_t size = round_up(save_size(&store->next), unit_of(store));
    const bool fits = size <= erase_size - store->tail_offset;
    const uint32_t ahead = store->latest.sector + store->sectors - store->tail_sector - 1u;
    store->head_sector = store->tail_sector;
    store->head_offset = fits ? store->tail_offset : erase_size;
    store->head_sequence = store->tail_sequence;
    store->spare = store->generation != 0 ? ahead % store->sectors : store->sectors;
}

naca_store_status_t naca_store_begin(naca_store_t *store, uint32_t key, uint32_t size)
{
    if (store->flash == NULL) {
        return NACA_STORE_NONE;
    }
    if (store->has_other_format != 0) {
        return NACA_STORE_VERSION;
    }
    store->writing = 0;
    if (naca_log_sectors_of(store, size) == 0) {
        return NACA_STORE_TOO_LARGE;
    }
    if (store->generation == MOST_SAVES) {
        return failure(store);
    }
    const naca_block_t next = {0, 0, 0, store->generation + 1u, key, size, 0};
    store->next = next;
    store->crc = 0;
    store->taken = 0;
    store->flushed = 0;
    store->waiting = BEGIN; // which is written when it is known where to
    memset(store->piece, 0xFF, sizeof store->piece);
    aim(store);
    store->writing = 1;
    return NACA_STORE_OK;
}

naca_store_status_t naca_store_append(naca_store_t *store, const void *data, uint32_t size)
{
    if (!store->writing || size > store->next.size - store->taken) {
        return NACA_STORE_ARGUMENT;
    }
    store->crc = naca_crc32(store->crc, data, size);
    store->taken += size;
    return naca_log_put(store, data, size) ? NACA_STORE_OK : failure(store);
}

naca_store_status_t naca_store_commit(naca_store_t *store)
{
    cursor_t cursor;
    if (!store->writing || store->taken != store->next.size) {
        return NACA_STORE_ARGUMENT;
    }
    const end_t end = naca_log_end(&store->next, store->crc);
    if (!naca_log_put(store, &end, sizeof end) || !naca_log_flush(store) ||
        !is_whole(store, &store->next, &cursor)) {
        return failure(store);
    }
    store->writing = 0;
    make_latest(store, &store->next, &cursor);
    return NACA_STORE_OK;
}

naca_store_status_t naca_store_save(naca_store_t *store, uint32_t key, uint32_t size,
                                    naca_store_source_t source, void *user)
{
    uint32_t piece[PIECE / 4]; // as words, for its alignment
    naca_store_status_t status = naca_store_begin(store, key, size);
    while (status == NACA_STORE_OK && store->taken < size) {
        const uint32_t left = size - store->taken;
        const uint32_t count = left < PIECE ? left : PIECE;
        if (source(user, store->taken, piece, count) != 0) {
            return failure(store);
        }
        status = naca_store_append(store, piece, count);
    }
    return status == NACA_STORE_OK ? naca_store_commit(store) : status;
}

naca_store_status_t naca_store_read(const naca_store_t *store, uint32_t offset, void *data,
                                    uint32_t size)
{
    cursor_t cursor;
    if (store->generation == 0) {
        return NACA_STORE_EMPTY;
    }
    if (offset > store->latest.size || size > store->latest.size - offset) {
        return NACA_STORE_ARGUMENT;
    }
    return naca_log_start(store, &store->latest, &cursor) &&
                   naca_log_read(store, &cursor, NULL, BEGIN + offset) &&
                   naca_log_read(store, &cursor, data, size)
               ? NACA_STORE_OK
               : NACA_STORE_FLASH;
}

naca_store_status_t naca_store_clear(naca_store_t *store)
{
    store->has_other_format = 0;
    return naca_store_save(store, 0, 0, NULL, NULL);
}

uint32_t naca_store_wear(const naca_store_t *store)
{
    return store->sectors != 0 ? (store->erases + store->sectors - 1u) / store->sectors : 0;
}
