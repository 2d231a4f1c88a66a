// What the store's two files share: the log in the memory (log.c), and saves in it (store.c).
// docs/store.md describes the format; the names here are those there.

#ifndef NACA_STORE_INTERNAL_H
#define NACA_STORE_INTERNAL_H

#include "naca/store.h"

#include <stdbool.h>
#include <string.h>

// Records are read and written as they are.
#if defined(__BYTE_ORDER__) && (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#error "edge-naca needs a little-endian machine"
#endif

enum { PIECE = NACA_STORE_PIECE };

// No memory lasts for that many erases or saves; above them the counts would come round to 0.
#define MOST_ERASES 0xF0000000u
#define MOST_SAVES 0xF0000000u

// What every sector begins with.
typedef struct marker {
    uint8_t magic[4];
    uint32_t sequence; // sectors erased in the memory's life when this one was, it included
    uint32_t save;     // the check of the save that goes on here, from its first record
    uint32_t left;     // bytes of it that come here and later; 0 where none goes on here
    uint32_t check;
} marker_t;
typedef char marker_has_its_size[sizeof(marker_t) == NACA_STORE_MARKER ? 1 : -1];

// A save begins with the last fields of a naca_block_t and ends with this; its block lies in
// between.
typedef struct end {
    uint32_t crc;   // of the block
    uint32_t check; // of generation, key and size of the save, and of the above
} end_t;
enum { BEGIN = sizeof(naca_block_t) - offsetof(naca_block_t, generation) };
typedef char records_have_their_size[BEGIN + sizeof(end_t) == NACA_STORE_OVERHEAD ? 1 : -1];

static inline uint32_t round_up(uint32_t size, uint32_t unit)
{
    return (size + unit - 1u) & ~(unit - 1u); // `unit` is a power of two
}

// What a piece begins at a multiple of.
static inline uint32_t unit_of(const naca_store_t *store)
{
    return store->flash->write_size > 16u ? store->flash->write_size : 16u;
}

// Where saves may begin in a sector, behind its marker.
static inline uint32_t start_of(const naca_store_t *store)
{
    return round_up(NACA_STORE_MARKER, unit_of(store));
}

static inline uint32_t save_size(const naca_block_t *block)
{
    return NACA_STORE_OVERHEAD + block->size;
}

// ---- log.c, reading -----------------------------------------------------------------------------

// Where a save is read: byte `at` of it lies at `offset` of the sector, and what lies there goes on
// to byte `stop`.
typedef struct cursor {
    const naca_block_t *block;
    uint32_t sector;
    uint32_t offset;
    uint32_t sequence; // of the sector
    uint32_t at;
    uint32_t stop;
    uint32_t next_sector;
    uint32_t next_sequence;
} cursor_t;

// Sectors that a block takes at most; 0 for one that takes more than half of them.
uint32_t naca_log_sectors_of(const naca_store_t *store, uint32_t size);
// Find the save that lies last in the log and before *save, in order of sequence and offset, and
// put it there. False if there is none. Whether it is whole is not looked at.
bool naca_log_find(const naca_store_t *store, naca_block_t *save);
// Begin to read a save, which stays in use; false where it cannot be.
bool naca_log_start(const naca_store_t *store, const naca_block_t *block, cursor_t *cursor);
// Read the next `size` bytes of the save; with `data` null they are passed over.
bool naca_log_read(const naca_store_t *store, cursor_t *cursor, void *data, uint32_t size);
// Look at the sectors' markers: where the log was at last, and how many erases it counts.
void naca_log_look(naca_store_t *store);

// ---- log.c, writing -----------------------------------------------------------------------------

// Add bytes to the save store->next. False where no good sector is left for them.
bool naca_log_put(naca_store_t *store, const void *data, uint32_t size);
// Write what of them still waits.
bool naca_log_flush(naca_store_t *store);

// The last record of a save whose block has this checksum.
end_t naca_log_end(const naca_block_t *block, uint32_t crc);

#endif
