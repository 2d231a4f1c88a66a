/// edge-naca store: one block of bytes that survives power cuts and bad sectors.
///
/// Non-volatile memory is used as a log: saves follow each other, several to a sector where they
/// fit, and go round the memory's sectors, which are erased when the log comes to them. A save is
/// written, read back and only then closed by its last bytes. A cut at any moment, in the middle of
/// a write or an erase too, leaves the latest saved block or the new one, never neither.
/// docs/store.md has every byte of the format, and says why it is as it is.
///
/// A sector that refuses to be erased or written, or that reads back other bytes, is passed over;
/// a save that is under way goes on in the next one. Saves succeed as long as the good sectors have
/// room for two whole saves. With fewer they are refused (NACA_STORE_FLASH) and the latest is kept.
///
/// Memory is reached through the functions of naca_flash_t, which the board or a test provides.
///
/// Flash with error correction may raise an exception where a write was cut. That is `read`'s to
/// catch: it returns a failure instead, and the store takes the place for one that holds no save.
/// Nothing is written twice without an erase in between, not even a byte.
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
    NACA_STORE_VERSION_OF_FORMAT = 3, ///< of what lies in the memory
    NACA_STORE_PIECE = 64,            ///< most bytes that are read or written at once
    NACA_STORE_MARKER = 20,           ///< bytes that each sector begins with, filled up to a unit
    NACA_STORE_OVERHEAD = 24          ///< bytes of a save beside its block
};

/// What a store call answers: zero for success, negative for a refusal.
typedef enum naca_store_status {
    NACA_STORE_OK = 0,
    NACA_STORE_EMPTY = -1,     ///< nothing was ever saved, or nothing that is whole
    NACA_STORE_TOO_LARGE = -2, ///< the block takes more than half of the memory
    NACA_STORE_FLASH = -3,     ///< too few sectors are left that keep what is written to them
    NACA_STORE_ARGUMENT = -4,  ///< a call out of order, or a number outside its documented range
    NACA_STORE_NONE = -5,      ///< there is no memory, or none that can be used
    NACA_STORE_VERSION = -6    ///< the memory holds saves of another format, which are kept
} naca_store_status_t;

/// Non-volatile memory as the store sees it: `size` bytes from offset 0, erased in units of
/// `erase_size` (a multiple of 64, larger than `write_size`; the memory has two at least), written
/// in units of `write_size` (a power of two, at most 64) to erased bytes only, each of them once.
/// What is written or read at once does not cross a multiple of 64; `data` of a write is aligned
/// to 4 bytes. Functions return 0, or anything else for a failure.
typedef struct naca_flash {
    void *user;
    uint32_t size;
    uint32_t erase_size;
    uint32_t write_size;
    int (*erase)(void *user, uint32_t offset); ///< one unit, afterwards all FF
    int (*write)(void *user, uint32_t offset, const void *data, uint32_t size);
    int (*read)(void *user, uint32_t offset, void *data, uint32_t size);
} naca_flash_t;

/// A save in the memory, whole or being written. The last four lie there as they are here.
typedef struct naca_block {
    uint32_t sector;     ///< where it begins ...
    uint32_t offset;     ///< ... in that sector
    uint32_t sequence;   ///< of that sector
    uint32_t generation; ///< saves in the memory's life, this one included
    uint32_t key;        ///< what the caller said it belongs to
    uint32_t size;       ///< of the block
    uint32_t check;      ///< CRC-32 of the six above
} naca_block_t;

/// A store at work. The caller owns it; its fields are for reading.
typedef struct naca_store {
    const naca_flash_t *flash;
    naca_progress_t progress;
    void *progress_user;
    uint32_t sectors;
    uint32_t generation; ///< of the latest whole save: saves in the memory's life, 0 for none
    uint32_t erases;     ///< of sectors, in the memory's life; docs/store.md says what cuts cost
    uint32_t errors;     ///< saves that failed since the store was opened
    naca_block_t latest;
    naca_block_t next;                    ///< between naca_store_begin and naca_store_commit
    uint32_t tail_sector;                 ///< the sector in which the latest save ends, ...
    uint32_t tail_offset;                 ///< ... where the next one may begin there, ...
    uint32_t tail_sequence;               ///< ... and that sector's sequence
    uint32_t head_sector;                 ///< where the next piece goes
    uint32_t head_offset;                 ///< in that sector
    uint32_t head_sequence;               ///< of that sector
    uint32_t spare;                       ///< sectors that the save may still turn to
    uint32_t crc;                         ///< of the block, so far
    uint32_t taken;                       ///< bytes of the block so far
    uint32_t flushed;                     ///< bytes of the save that are in the memory
    uint32_t waiting;                     ///< bytes of the save in `piece`
    uint32_t piece[NACA_STORE_PIECE / 4]; ///< of words, for its alignment
    uint8_t writing;
    uint8_t has_other_format;
} naca_store_t;

/// Hands out `size` bytes of a block from `offset` on; returns 0, or anything else for a failure.
typedef int (*naca_store_source_t)(void *user, uint32_t offset, void *data, uint32_t size);

/// Look for the latest whole save. NACA_STORE_EMPTY is no failure: the store can be used. `flash`
/// stays in use. NACA_STORE_NONE where it is null, NACA_STORE_ARGUMENT where it is not as described
/// above: the store then refuses whatever follows with NACA_STORE_NONE. NACA_STORE_VERSION where
/// all saves are of another format: they are kept, and saving is refused in the same way until
/// naca_store_clear gives them up.
/// Work: reads what each sector and each save begins with, and every byte of the latest save; where
/// the latest saves are torn, of those before them too.
naca_store_status_t naca_store_open(naca_store_t *store, const naca_flash_t *flash);

/// Have `progress` called, with `user`, at least once before every read, write and erase of the
/// memory, and after every erase. Null for nothing, which it is after naca_store_open.
void naca_store_set_progress(naca_store_t *store, naca_progress_t progress, void *user);

/// Save a block of `size` bytes that `source` hands out in pieces of at most 64 bytes, so that no
/// second copy of a large state is needed. `key` comes back in store->latest.key. Work: writes the
/// save once and reads it three times; reads and erases the sectors that it turns to, each once.
/// NACA_STORE_TOO_LARGE, NACA_STORE_FLASH (also where `source` fails), NACA_STORE_NONE,
/// NACA_STORE_VERSION. After a failure the latest save is what it was.
naca_store_status_t naca_store_save(naca_store_t *store, uint32_t key, uint32_t size,
                                    naca_store_source_t source, void *user);

/// The same in steps, for a block that arrives in pieces of any size. Append erases and writes,
/// commit verifies the whole and makes it the latest. Until then the latest save stays; beginning
/// anew drops what was begun. Statuses as above; NACA_STORE_ARGUMENT for a call out of order, too
/// many bytes or too few. After NACA_STORE_FLASH only begin is of use.
naca_store_status_t naca_store_begin(naca_store_t *store, uint32_t key, uint32_t size);
naca_store_status_t naca_store_append(naca_store_t *store, const void *data, uint32_t size);
naca_store_status_t naca_store_commit(naca_store_t *store);

/// Read `size` bytes of the latest save, from `offset` on; its size is store->latest.size.
/// NACA_STORE_EMPTY, NACA_STORE_FLASH; NACA_STORE_ARGUMENT for bytes beyond its end.
naca_store_status_t naca_store_read(const naca_store_t *store, uint32_t offset, void *data,
                                    uint32_t size);

/// Forget what was saved: saves a block of size 0, which counts as a save, so that a cut leaves the
/// latest save or nothing, never an older one, and wear goes on being counted. Saves of another
/// format are given up. Statuses as those of naca_store_save.
naca_store_status_t naca_store_clear(naca_store_t *store);

/// How often the most worn sector was erased in its life, 0 for a store that is not open: the
/// sectors take turns. store->erases has the erases of all.
uint32_t naca_store_wear(const naca_store_t *store);

#ifdef __cplusplus
}
#endif

#endif
