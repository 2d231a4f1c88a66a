#include "internal.h"

// The log: sectors, their markers, and the bytes of saves from one sector to the next.

static const uint8_t magic[4] = {'N', 'S', 'A', '3'};
enum { MAGIC_OF_EVERY_FORMAT = 3 }; // bytes of it

static void tick(const naca_store_t *store)
{
    if (store->progress != NULL) {
        store->progress(store->progress_user);
    }
}

// Read in pieces that do not cross a multiple of PIECE.
static bool fetch(const naca_store_t *store, uint32_t sector, uint32_t offset, void *data,
                  uint32_t size)
{
    const naca_flash_t *flash = store->flash;
    uint8_t *bytes = data;
    bool good = true;
    while (good && size > 0) {
        const uint32_t left = PIECE - offset % PIECE;
        const uint32_t count = size < left ? size : left;
        tick(store);
        good = flash->read(flash->user, sector * flash->erase_size + offset, bytes, count) == 0;
        offset += count;
        bytes += count;
        size -= count;
    }
    return good;
}

uint32_t naca_log_sectors_of(const naca_store_t *store, uint32_t size)
{
    const uint32_t room = store->flash->erase_size - start_of(store);
    if (size > store->flash->size / 2u) {
        return 0; // nor does the sum below overflow
    }
    const uint32_t sectors = (NACA_STORE_OVERHEAD + size + room - 1u) / room;
    return sectors <= store->sectors / 2u ? sectors : 0;
}

// ---- records ------------------------------------------------------------------------------------

// A marker is bound to its sector: the checksum starts with its number.
static uint32_t marker_check(const marker_t *marker, uint32_t sector)
{
    return naca_crc32(sector, marker, offsetof(marker_t, check));
}

static bool read_marker(const naca_store_t *store, uint32_t sector, marker_t *marker)
{
    return fetch(store, sector, 0, marker, sizeof *marker) &&
           memcmp(marker->magic, magic, sizeof magic) == 0 &&
           marker->check == marker_check(marker, sector) && marker->sequence - 1u < MOST_ERASES;
}

// A save's first record is bound to its place: the same bytes are none anywhere else, or at any
// other time.
static uint32_t save_check(const naca_block_t *block)
{
    return naca_crc32(0, block, offsetof(naca_block_t, check));
}

end_t naca_log_end(const naca_block_t *block, uint32_t crc)
{
    end_t end = {crc, 0};
    end.check = naca_crc32(0, &block->generation, BEGIN - sizeof end.check);
    end.check = naca_crc32(end.check, &end.crc, sizeof end.crc);
    return end;
}

// Read the first record of a save that begins where `save` says.
static bool read_begin(const naca_store_t *store, naca_block_t *save)
{
    // There are never more saves than the sectors erased so far have room for.
    const uint32_t most = store->flash->erase_size / 32u;
    return fetch(store, save->sector, save->offset, &save->generation, BEGIN) &&
           save->check == save_check(save) && save->generation - 1u < MOST_SAVES &&
           save->generation / most <= save->sequence && naca_log_sectors_of(store, save->size) != 0;
}

// ---- reading ------------------------------------------------------------------------------------

static bool is_before(const naca_block_t *a, const naca_block_t *b)
{
    return a->sequence < b->sequence || (a->sequence == b->sequence && a->offset < b->offset);
}

bool naca_log_find(const naca_store_t *store, naca_block_t *save)
{
    const naca_block_t limit = *save;
    const uint32_t erase_size = store->flash->erase_size;
    bool is_there = false;
    for (uint32_t sector = 0; sector < store->sectors; sector++) {
        marker_t marker;
        if (!read_marker(store, sector, &marker) || marker.left > erase_size) {
            continue;
        }
        // One save follows the other: a block's content is never looked at for one.
        uint32_t offset = start_of(store) + round_up(marker.left, unit_of(store));
        while (offset + NACA_STORE_OVERHEAD <= erase_size) {
            naca_block_t block = {sector, offset, marker.sequence, 0, 0, 0, 0};
            if (!read_begin(store, &block)) {
                break;
            }
            if (is_before(&block, &limit) && (!is_there || is_before(save, &block))) {
                *save = block;
                is_there = true;
            }
            offset += round_up(save_size(&block), unit_of(store)); // at most the memory's size
        }
    }
    return is_there;
}

// How far the save reaches in the cursor's sector, and where it goes on. Of sectors that were
// opened for the same bytes the last one has them.
static bool look_ahead(const naca_store_t *store, cursor_t *cursor)
{
    const uint32_t left = save_size(cursor->block) - cursor->at;
    uint32_t later = 0;
    for (uint32_t i = 1; i < store->sectors; i++) {
        const uint32_t sector = (cursor->sector + i) % store->sectors;
        marker_t marker;
        if (!read_marker(store, sector, &marker) || marker.sequence <= cursor->sequence ||
            marker.save != cursor->block->check || marker.left == 0 || marker.left > left) {
            continue;
        }
        if (later != 0 && marker.left < later) {
            break;
        }
        later = marker.left;
        cursor->next_sector = sector;
        cursor->next_sequence = marker.sequence;
    }
    cursor->stop = cursor->at + left - later;
    return left - later <= store->flash->erase_size - cursor->offset;
}

bool naca_log_start(const naca_store_t *store, const naca_block_t *block, cursor_t *cursor)
{
    memset(cursor, 0, sizeof *cursor);
    cursor->block = block;
    cursor->sector = block->sector;
    cursor->offset = block->offset;
    cursor->sequence = block->sequence;
    return look_ahead(store, cursor);
}

bool naca_log_read(const naca_store_t *store, cursor_t *cursor, void *data, uint32_t size)
{
    uint8_t *bytes = data;
    while (size > 0) {
        if (cursor->at == cursor->stop) {
            if (cursor->stop == save_size(cursor->block)) {
                return false;
            }
            cursor->sector = cursor->next_sector;
            cursor->sequence = cursor->next_sequence;
            cursor->offset = start_of(store);
            if (!look_ahead(store, cursor)) {
                return false;
            }
        }
        const uint32_t left = cursor->stop - cursor->at;
        const uint32_t count = size < left ? size : left;
        if (bytes != NULL) {
            if (!fetch(store, cursor->sector, cursor->offset, bytes, count)) {
                return false;
            }
            bytes += count;
        }
        cursor->at += count;
        cursor->offset += count;
        size -= count;
    }
    return true;
}

// Whether a sector holds these bytes from `offset` on, up to the end of their piece; with `data`
// null, whether they are erased.
static bool holds(const naca_store_t *store, uint32_t sector, uint32_t offset, const void *data,
                  uint32_t size)
{
    uint8_t kept[PIECE];
    uint8_t erased[PIECE];
    memset(erased, 0xFF, sizeof erased);
    const uint8_t *expected = data != NULL ? data : erased;
    return fetch(store, sector, offset, kept, size) && memcmp(kept, expected, size) == 0;
}

// Whether a sector is erased from there on.
static bool is_erased(const naca_store_t *store, uint32_t sector, uint32_t offset)
{
    const uint32_t end = store->flash->erase_size;
    while (offset < end && holds(store, sector, offset, NULL, PIECE - offset % PIECE)) {
        offset += PIECE - offset % PIECE;
    }
    return offset == end;
}

// Whether a sector holds saves of another format. A marker of ours that the power was cut in may
// look like another one's, but nothing comes behind it.
static bool is_of_other_format(const naca_store_t *store, uint32_t sector)
{
    uint8_t first[sizeof magic];
    return fetch(store, sector, 0, first, sizeof first) &&
           memcmp(first, magic, MAGIC_OF_EVERY_FORMAT) == 0 &&
           memcmp(first, magic, sizeof first) != 0 && !is_erased(store, sector, start_of(store));
}

void naca_log_look(naca_store_t *store)
{
    bool has_other = false;
    store->tail_sector = store->sectors - 1u;
    store->tail_offset = store->flash->erase_size;
    for (uint32_t sector = 0; sector < store->sectors; sector++) {
        marker_t marker;
        if (read_marker(store, sector, &marker)) {
            if (marker.sequence > store->erases) {
                store->erases = marker.sequence;
                store->tail_sector = sector;
            }
        } else {
            has_other |= is_of_other_format(store, sector);
        }
    }
    store->has_other_format = has_other && store->erases == 0 ? 1 : 0;
}

// ---- writing ------------------------------------------------------------------------------------

// Write at the log's head what does not cross a multiple of PIECE, and see that it is there.
static bool write_piece(naca_store_t *store, const void *data, uint32_t size)
{
    const naca_flash_t *flash = store->flash;
    const uint32_t offset = store->head_offset;
    if (!holds(store, store->head_sector, offset, NULL, size) ||
        flash->write(flash->user, store->head_sector * flash->erase_size + offset, data, size) !=
            0 ||
        !holds(store, store->head_sector, offset, data, size)) {
        return false;
    }
    store->head_offset += size;
    return true;
}

// Turn to the next sector that can be erased and holds its marker.
static bool open_sector(naca_store_t *store)
{
    const naca_flash_t *flash = store->flash;
    while (store->spare > 0 && store->erases < MOST_ERASES) {
        uint32_t words[PIECE / 4]; // as words, for its alignment
        store->spare--;
        store->erases++; // even if it fails, it wears
        store->head_sector = (store->head_sector + 1u) % store->sectors;
        store->head_offset = 0;
        tick(store);
        const int failed = flash->erase(flash->user, store->head_sector * flash->erase_size);
        tick(store);
        if (failed != 0 || !is_erased(store, store->head_sector, 0)) {
            continue;
        }
        marker_t marker = {{magic[0], magic[1], magic[2], magic[3]}, store->erases, 0, 0, 0};
        if (store->flushed != 0) {
            marker.save = store->next.check;
            marker.left = save_size(&store->next) - store->flushed;
        }
        marker.check = marker_check(&marker, store->head_sector);
        memset(words, 0xFF, sizeof words);
        memcpy(words, &marker, sizeof marker);
        if (write_piece(store, words, start_of(store))) {
            store->head_sequence = store->erases;
            return true;
        }
    }
    store->head_offset = flash->erase_size;
    return false;
}

// The save begins at the head.
static void place_save(naca_store_t *store)
{
    store->next.sector = store->head_sector;
    store->next.offset = store->head_offset;
    store->next.sequence = store->head_sequence;
    store->next.check = save_check(&store->next);
    memcpy(store->piece, &store->next.generation, BEGIN);
}

// Bytes that the piece at the head has room for.
static uint32_t room_of(const naca_store_t *store)
{
    return PIECE - store->head_offset % PIECE;
}

// Write a piece of what waits; what follows the last byte is filled up.
static bool write_waiting(naca_store_t *store)
{
    for (;;) {
        if (store->head_offset == store->flash->erase_size && !open_sector(store)) {
            return false;
        }
        if (store->flushed == 0) {
            place_save(store);
        }
        if (store->head_sector == store->tail_sector) {
            store->tail_offset = store->flash->erase_size; // if this save fails, it is spoilt
        }
        const uint32_t room = room_of(store);
        const uint32_t count = store->waiting < room ? store->waiting : room;
        if (write_piece(store, store->piece, round_up(count, unit_of(store)))) {
            uint8_t *bytes = (uint8_t *)store->piece;
            store->flushed += count;
            store->waiting -= count;
            memmove(bytes, bytes + count, store->waiting);
            memset(bytes + store->waiting, 0xFF, PIECE - store->waiting);
            return true;
        }
        store->head_offset = store->flash->erase_size; // the rest of the sector is not to be used
    }
}

bool naca_log_put(naca_store_t *store, const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    while (size > 0) {
        const uint32_t room = room_of(store);
        if (store->waiting >= room) {
            if (!write_waiting(store)) {
                return false;
            }
            continue;
        }
        const uint32_t left = room - store->waiting;
        const uint32_t count = size < left ? size : left;
        memcpy((uint8_t *)store->piece + store->waiting, bytes, count);
        store->waiting += count;
        bytes += count;
        size -= count;
    }
    return true;
}

bool naca_log_flush(naca_store_t *store)
{
    while (store->waiting > 0) {
        if (!write_waiting(store)) {
            return false;
        }
    }
    return true;
}
