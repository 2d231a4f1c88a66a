/// edge-naca store: one block of bytes that survives power cuts.
///
/// Non-volatile memory is used as a ring of sectors. A save erases the sectors that follow the
/// latest save, writes the block there, reads it back, and writes a header last: generation, key,
/// size and checksums. A cut at any moment, in the middle of a write or an erase too, leaves the
/// latest saved block or the new one, never neither. Every save moves on by its own sectors, so
/// that all sectors wear alike, whatever the sizes of the blocks are.
///
/// In the memory, a save begins with a sector and is, little endian: "NSAV", u32 generation, u32
/// sectors erased so far, u32 key, u32 size of the block, u32 CRC-32 of the block, u32 0, u32
/// CRC-32 of these 28 bytes; the block; FF up to a multiple of write_size. It goes on at the
/// memory's start where that ends.
///
/// Memory is reached through the functions of naca_flash_t, which the board or a test provides.
///
/// Re-entrancy: as the core's; one store takes one call at a time. Pointers are not null where
/// nothing else is said. A call takes as long as the memory does.

#ifndef NACA_STORE_H
#define NACA_STORE_H

#include "naca/naca.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NACA_STORE_HEADER = 32, ///< bytes before the block in its first sector
    NACA_STORE_UNIT = 16    ///< pieces of a block are multiples of this, but for the last
};

/// What a store call answers: zero for success, negative for a refusal.
typedef enum naca_store_status {
    NACA_STORE_OK = 0,
    NACA_STORE_EMPTY = -1,     ///< nothing was ever saved, or nothing that is whole
    NACA_STORE_TOO_LARGE = -2, ///< the block takes more than half of the memory
    NACA_STORE_FLASH = -3,     ///< the memory refused to erase, to write, or kept something else
    NACA_STORE_ARGUMENT = -4   ///< a call out of order, or a number outside its documented range
} naca_store_status_t;

/// Non-volatile memory as the store sees it: `size` bytes from offset 0, erased in units of
/// `erase_size` (at least two; a multiple of 64), written in units of `write_size` (a power of two,
/// at most 16) to erased bytes only. `data` of a write is aligned to 4 bytes.
/// Functions return 0, or anything else for a failure.
typedef struct naca_flash {
    void *user;
    uint32_t size;
    uint32_t erase_size;
    uint32_t write_size;
    int (*erase)(void *user, uint32_t offset); ///< one unit, afterwards all FF
    int (*write)(void *user, uint32_t offset, const void *data, uint32_t size);
    int (*read)(void *user, uint32_t offset, void *data, uint32_t size);
} naca_flash_t;

/// A block in the memory, whole or being written.
typedef struct naca_block {
    uint32_t sector; ///< where it begins
    uint32_t key;    ///< what the caller said it belongs to
    uint32_t size;
    uint32_t crc; ///< of the block
} naca_block_t;

/// A store at work. The caller owns it; its fields are for reading.
typedef struct naca_store {
    const naca_flash_t *flash;
    uint32_t sectors;
    uint32_t generation; ///< of the latest whole save: saves in the memory's life, 0 for none
    uint32_t erases;     ///< of sectors, in the memory's life
    uint32_t errors;     ///< saves that failed since the store was opened
    naca_block_t latest;
    naca_block_t next; ///< between naca_store_begin and naca_store_commit
    uint32_t written;  ///< bytes of it so far
    uint8_t writing;
} naca_store_t;

/// Hands out `size` bytes of a block from `offset` on; returns 0, or anything else for a failure.
typedef int (*naca_store_source_t)(void *user, uint32_t offset, void *data, uint32_t size);

/// Look for the latest whole save. NACA_STORE_EMPTY is no failure: the store can be used. `flash`
/// stays in use; a null one, or one that is not as described above, is NACA_STORE_ARGUMENT, and the
/// store then refuses whatever follows.
/// Work: reads a header from every sector, and every byte of the latest block; where the latest
/// saves are torn, of those before them too.
naca_store_status_t naca_store_open(naca_store_t *store, const naca_flash_t *flash);

/// Save a block of `size` bytes that `source` hands out in pieces of at most 64 bytes, so that no
/// second copy of a large state is needed. `key` comes back in store->latest.key. Work: erases the
/// sectors that the block takes, writes it once and reads it once. NACA_STORE_TOO_LARGE,
/// NACA_STORE_FLASH (also where `source` fails), NACA_STORE_ARGUMENT where the store is not open.
/// After a failure the latest save is what it was.
naca_store_status_t naca_store_save(naca_store_t *store, uint32_t key, uint32_t size,
                                    naca_store_source_t source, void *user);

/// The same in steps, for a block that arrives in pieces. Begin erases, append writes (multiples of
/// NACA_STORE_UNIT, but for the last piece; `data` aligned to 4), commit verifies the whole and
/// makes it the latest. Until then the latest save stays; beginning anew drops what was begun.
/// Statuses as above; NACA_STORE_ARGUMENT for a call out of order, too many bytes or too few. After
/// NACA_STORE_FLASH only begin is of use.
naca_store_status_t naca_store_begin(naca_store_t *store, uint32_t key, uint32_t size);
naca_store_status_t naca_store_append(naca_store_t *store, const void *data, uint32_t size);
naca_store_status_t naca_store_commit(naca_store_t *store);

/// Read `size` bytes of the latest save, from `offset` on; its size is store->latest.size.
/// NACA_STORE_EMPTY, NACA_STORE_FLASH; NACA_STORE_ARGUMENT for bytes beyond its end.
naca_store_status_t naca_store_read(const naca_store_t *store, uint32_t offset, void *data,
                                    uint32_t size);

/// Forget what was saved: saves a block of size 0, which counts as a save, so that a cut leaves the
/// latest save or nothing, never an older one, and wear goes on being counted. Statuses as those of
/// naca_store_save.
naca_store_status_t naca_store_clear(naca_store_t *store);

/// How often the most worn sector was erased in its life, 0 for a store that is not open.
uint32_t naca_store_wear(const naca_store_t *store);

#ifdef __cplusplus
}
#endif

#endif
