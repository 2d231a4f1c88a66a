/// libFuzzer target: whatever is saved, whenever the power goes and whichever sectors are bad, the
/// store finds what was saved last, and goes on while good sectors have room for two saves; and
/// whatever lies in the memory at first, it stays within bounds and ends.
///
/// The input is a byte for the geometry, one for flags, where these say so what the memory holds,
/// and then operations. Blocks may consist of records with right checksums, and the mutator mends
/// the checksums of what the memory holds (store_mend.c): else no input would get past them.

#include "store_flash.h"
#include "store_mend.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAVE, CUT, REOPEN, CLEAR, FAULT, STEPS, READ, OPERATIONS_KINDS };
enum { RANDOM, GIVEN, COPIED, FORGED, SOURCES };
enum { MOST_OPERATIONS = 24 };

typedef struct session {
    model_t model;
    naca_store_t store;
    const uint8_t *at;
    size_t left;
    bool is_hostile;            ///< the memory held what the input says
    uint8_t latest[MOST_BYTES]; ///< what has to be found
    uint32_t size;              ///< of it, 0 for nothing
    uint8_t block[MOST_BYTES];  ///< what is being saved
} session_t;

static uint32_t take(session_t *s, uint32_t size)
{
    uint32_t number = 0;
    const size_t count = s->left < size ? s->left : size;
    memcpy(&number, s->at, count);
    s->at += count;
    s->left -= count;
    return number;
}

// Whether the latest save is those bytes.
static bool holds(session_t *s, const uint8_t *block, uint32_t size)
{
    uint8_t kept[MOST_BYTES];
    const uint32_t held = s->store.generation != 0 ? s->store.latest.size : 0;
    demand(held <= s->model.flash.size);
    return held == size && (size == 0 || (naca_store_read(&s->store, 0, kept, size) == 0 &&
                                          memcmp(kept, block, size) == 0));
}

static void keep(session_t *s, const uint8_t *block, uint32_t size)
{
    memcpy(s->latest, block, size);
    s->size = size;
}

// What was in the memory before anything was saved has to be readable, whatever it is.
static void adopt(session_t *s)
{
    s->size = s->store.generation != 0 ? s->store.latest.size : 0;
    demand(s->size <= s->model.flash.size / 2u);
    demand(s->size == 0 || naca_store_read(&s->store, 0, s->latest, s->size) == NACA_STORE_OK);
}

// Power on. What is found is what was saved last, or `size` bytes of s->block, which the cut was
// in the middle of.
static void reopen(session_t *s, uint32_t size)
{
    s->model.is_on = true;
    s->model.cut_after = NEVER;
    (void)naca_store_open(&s->store, &s->model.flash);
    if (s->is_hostile) {
        adopt(s);
    } else if (!holds(s, s->latest, s->size)) {
        demand(size != UINT32_MAX && holds(s, s->block, size));
        keep(s, s->block, size);
    }
}

static void fill(session_t *s, uint32_t size)
{
    const uint32_t source = take(s, 1) % SOURCES;
    const uint32_t where = take(s, 2);
    for (uint32_t i = 0; i < size; i++) {
        if (source == COPIED) {
            s->block[i] = s->model.bytes[(where + i) % s->model.flash.size];
        } else {
            s->block[i] = (uint8_t)(source == GIVEN ? take(s, 1) : model_draw(&s->model));
        }
    }
    if (source == FORGED) {
        const uint32_t sequence = s->store.erases + take(s, 1) % 4u;
        forge(s->block, size, where, &s->model.flash, sequence, s->store.generation + 1u);
    }
}

// Whether the latest save lies there, or between its first sector and its last.
static bool is_kept(const session_t *s, uint32_t sector)
{
    const uint32_t sectors = s->store.sectors;
    const uint32_t ahead = (sector + sectors - s->store.latest.sector) % sectors;
    const uint32_t span = (s->store.tail_sector + sectors - s->store.latest.sector) % sectors;
    return s->store.generation != 0 && ahead <= span;
}

// Good sectors that a save may turn to.
static uint32_t free_sectors(const session_t *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->store.sectors; i++) {
        count += !is_kept(s, i) && s->model.faults[i] == GOOD ? 1u : 0u;
    }
    return count;
}

static uint32_t sectors_of(const session_t *s, uint32_t size)
{
    const naca_flash_t *flash = &s->model.flash;
    const uint32_t room = flash->erase_size - store_start(flash);
    return (size + NACA_STORE_OVERHEAD + room - 1u) / room;
}

static int source(void *user, uint32_t offset, void *data, uint32_t size)
{
    const session_t *s = user;
    memcpy(data, s->block + offset, size);
    return 0;
}

// The block in steps of any size, at times given up.
static naca_store_status_t save_in_steps(session_t *s, uint32_t size)
{
    naca_store_status_t status = naca_store_begin(&s->store, 7, size);
    for (uint32_t at = 0; status == NACA_STORE_OK && at < size;) {
        const uint32_t step = 1u + take(s, 1);
        const uint32_t count = step < size - at ? step : size - at;
        if (step == 256u) {
            return NACA_STORE_EMPTY;
        }
        status = naca_store_append(&s->store, s->block + at, count);
        at += count;
    }
    return status == NACA_STORE_OK ? naca_store_commit(&s->store) : status;
}

static void save(session_t *s, uint32_t operation)
{
    const uint32_t size = operation == CLEAR ? 0 : take(s, 2) % (s->model.flash.size * 5u / 8u);
    const bool fits = sectors_of(s, size) <= s->store.sectors / 2u;
    const bool has_room = free_sectors(s) >= sectors_of(s, size);
    naca_store_status_t status;
    if (operation == CLEAR) {
        status = naca_store_clear(&s->store);
    } else {
        fill(s, size);
        status = operation == STEPS ? save_in_steps(s, size)
                                    : naca_store_save(&s->store, 7, size, source, s);
    }
    if (status == NACA_STORE_OK) {
        demand(fits && holds(s, s->block, size));
        keep(s, s->block, size);
    } else if (!s->model.is_on) {
        reopen(s, size);
    } else {
        demand(status == (fits ? NACA_STORE_FLASH : NACA_STORE_TOO_LARGE) || s->is_hostile ||
               (operation == STEPS && status == NACA_STORE_EMPTY));
        demand(status != NACA_STORE_FLASH || !has_room || s->is_hostile);
        demand(holds(s, s->latest, s->size));
    }
}

// The sectors of the latest save stay good: what they lose nobody can bring back.
static void make_bad(session_t *s)
{
    const uint32_t sector = take(s, 1) % s->store.sectors;
    const uint32_t fault = take(s, 1) % FAULTS;
    if (!is_kept(s, sector) || fault == GOOD) {
        s->model.faults[sector] = (uint8_t)fault;
    }
}

static void read_part(session_t *s)
{
    uint8_t part[MOST_BYTES];
    const uint32_t offset = take(s, 2) % MOST_BYTES;
    const uint32_t size = take(s, 2) % MOST_BYTES;
    const naca_store_status_t status = naca_store_read(&s->store, offset, part, size);
    demand(status == NACA_STORE_OK || s->size == 0 || offset + size > s->size);
    demand(status != NACA_STORE_OK || memcmp(part, s->latest + offset, size) == 0);
}

static void operate(session_t *s)
{
    const uint32_t operation = take(s, 1) % OPERATIONS_KINDS;
    if (operation == CUT) {
        s->model.cut_after = take(s, 1);
    } else if (operation == REOPEN) {
        reopen(s, UINT32_MAX);
    } else if (operation == FAULT) {
        make_bad(s);
    } else if (operation == READ) {
        read_part(s);
    } else {
        save(s, operation);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static session_t session;
    session_t *s = &session;
    memset(s, 0, sizeof *s);
    s->at = data;
    s->left = size;
    model_make(&s->model, take(s, 1) % GEOMETRIES);
    const uint32_t flags = take(s, 1);
    s->is_hostile = (flags & HOSTILE) != 0;
    s->model.has_ecc = (flags & WITH_ECC) != 0;
    s->model.random = take(s, 1);
    memset(s->model.bytes, 0xFF, sizeof s->model.bytes);
    if (s->is_hostile) {
        const size_t held = s->left < s->model.flash.size ? s->left : s->model.flash.size;
        memcpy(s->model.bytes, s->at, held);
        s->at += held;
        s->left -= held;
    }
    (void)naca_store_open(&s->store, &s->model.flash);
    if (s->is_hostile) {
        adopt(s);
    }
    demand(s->is_hostile || s->store.generation == 0);
    for (uint32_t i = 0; i < MOST_OPERATIONS && s->left != 0; i++) {
        operate(s);
    }
    return 0;
}
