#include "internal.h"

// NAMES_READ, NAMES_WRITE and LOCK: section 9. What the owner of a device says is saved at once,
// before and behind the state that was saved last, which stays what it is.

enum { ASK = 0, LOCK = 1, UNLOCK = 2 };                         // what LOCK is asked for
enum { SALT_AT = 1, KEY_AT = 9, SALT_SIZE = 8, KEY_SIZE = 16 }; // in its body
enum { TRIES = 8 };                                             // wrong keys between two restarts

// A save that is put together from the one before it.
typedef struct keeping {
    naca_link_t *link;
    uint32_t copied; // bytes behind the record, of the save before
    uint32_t record[RECORD_WORDS];
} keeping_t;

void naca_link_make_record(const naca_link_t *link, uint32_t record[RECORD_WORDS])
{
    memset(record, 0, RECORD);
    record[SESSION] = link->session;
    record[SESSION_START] = link->session_start;
    record[NAMES] = link->names_used;
    record[LOCKED] = link->lock.is_locked;
    memcpy(&record[SALT], link->lock.salt, SALT_SIZE);
    memcpy(&record[KEY], link->lock.key, KEY_SIZE);
}

static bool read_record(const naca_link_t *link, uint32_t record[RECORD_WORDS])
{
    return link->store.generation != 0 && link->store.latest.size >= RECORD &&
           naca_store_read(&link->store, 0, record, RECORD) == NACA_STORE_OK;
}

void naca_link_load_lock(naca_link_t *link)
{
    uint32_t record[RECORD_WORDS];
    if (read_record(link, record)) { // of whatever image
        link->lock.is_locked = record[LOCKED];
        memcpy(link->lock.salt, &record[SALT], SALT_SIZE);
        memcpy(link->lock.key, &record[KEY], KEY_SIZE);
    }
    link->lock.tries = TRIES;
}

void naca_link_load_names(naca_link_t *link)
{
    uint32_t record[RECORD_WORDS];
    const naca_store_t *store = &link->store;
    link->names_used = 0;
    if (read_record(link, record) && store->latest.key == naca_link_image_crc(link) &&
        record[NAMES] <= store->latest.size - RECORD && record[NAMES] <= link->config->names_size &&
        naca_store_read(store, store->latest.size - record[NAMES], link->config->names,
                        record[NAMES]) == NACA_STORE_OK) {
        link->names_used = record[NAMES];
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int copy_kept(void *user, uint32_t offset, void *data, uint32_t size)
{
    const keeping_t *keeping = user;
    const naca_link_t *link = keeping->link;
    uint8_t *out = data;
    while (size != 0) {
        const uint32_t behind = RECORD + keeping->copied;
        uint32_t part = size;
        if (offset < RECORD) {
            part = least(size, RECORD - offset);
            memcpy(out, (const uint8_t *)keeping->record + offset, part);
        } else if (offset < behind) {
            part = least(size, behind - offset);
            if (naca_store_read(&link->store, offset, out, part) != NACA_STORE_OK) {
                return -1;
            }
        } else {
            memcpy(out, link->config->names + (offset - behind), part);
        }
        offset += part;
        out += part;
        size -= part;
    }
    return 0;
}

static naca_store_status_t keep(keeping_t *keeping, uint32_t key, uint32_t names)
{
    naca_link_t *link = keeping->link;
    link->state_upload.size = 0;
    return naca_store_save(&link->store, key, RECORD + keeping->copied + names, copy_kept, keeping);
}

naca_link_status_t naca_link_names_read(naca_link_t *link, body_t body)
{
    const uint32_t offset = get32(body.data);
    uint32_t size = get16(body.data + 4);
    uint8_t *data = naca_link_window(link, link->names_used, offset, &size);
    if (size > 0) {
        memcpy(data, link->config->names + offset, size);
    }
    return NACA_LINK_OK;
}

naca_link_status_t naca_link_names_write(naca_link_t *link, body_t body)
{
    const naca_link_config_t *config = link->config;
    keeping_t keeping = {link, 0, {0}};
    if (body.size > config->names_size) {
        return naca_link_refuse(link, NACA_LINK_TOO_LARGE, config->names_size);
    }
    if (body.size != 0) {
        memcpy(config->names, body.data, body.size);
    }
    if (naca_link_has_saved(link) && read_record(link, keeping.record)) {
        keeping.copied = link->store.latest.size - RECORD - keeping.record[NAMES];
    } else {
        naca_link_make_record(link, keeping.record); // nobody's state is kept
        keeping.record[SESSION] = 0;
        keeping.record[SESSION_START] = 0;
    }
    keeping.record[NAMES] = body.size;
    const naca_store_status_t status = keep(&keeping, naca_link_image_crc(link), body.size);
    if (status != NACA_STORE_OK) {
        naca_link_load_names(link);
        return naca_link_refuse(link, NACA_LINK_STORE, (uint32_t)status);
    }
    link->names_used = body.size;
    return NACA_LINK_OK;
}

// Save a lock with all else as it was.
static naca_store_status_t keep_lock(naca_link_t *link, const naca_link_lock_t *lock)
{
    keeping_t keeping = {link, 0, {0}};
    uint32_t key = naca_link_image_crc(link);
    if (read_record(link, keeping.record)) {
        keeping.copied = link->store.latest.size - RECORD;
        key = link->store.latest.key;
    }
    keeping.record[LOCKED] = lock->is_locked;
    memcpy(&keeping.record[SALT], lock->salt, SALT_SIZE);
    memcpy(&keeping.record[KEY], lock->key, KEY_SIZE);
    return keep(&keeping, key, 0);
}

// In a time that does not tell where they differ.
static bool is_key(const naca_link_t *link, const uint8_t *key)
{
    uint32_t difference = 0;
    for (uint32_t i = 0; i < KEY_SIZE; i++) {
        difference |= (uint32_t)link->lock.key[i] ^ key[i];
    }
    return difference == 0;
}

naca_link_status_t naca_link_lock(naca_link_t *link, body_t body)
{
    const uint32_t what = body.data[0];
    naca_link_lock_t lock = link->lock;
    if (what > UNLOCK) {
        return NACA_LINK_UNKNOWN;
    }
    if (what != ASK && lock.is_locked != 0 &&
        (lock.tries == 0 || !is_key(link, body.data + KEY_AT))) {
        link->lock.tries -= lock.tries != 0 ? 1u : 0u;
        return naca_link_refuse(link, NACA_LINK_LOCKED, link->lock.tries);
    }
    const uint32_t wanted = what == LOCK ? 1u : 0u;
    if (what != ASK && lock.is_locked != wanted) {
        memset(&lock, 0, sizeof lock);
        lock.is_locked = wanted;
        lock.tries = TRIES;
        if (what == LOCK) {
            memcpy(lock.salt, body.data + SALT_AT, SALT_SIZE);
            memcpy(lock.key, body.data + KEY_AT, KEY_SIZE);
        }
        const naca_store_status_t status = keep_lock(link, &lock);
        if (status != NACA_STORE_OK) {
            return naca_link_refuse(link, NACA_LINK_STORE, (uint32_t)status);
        }
        link->lock = lock;
        if (what == LOCK) { // a sensor that was heard with a label teaches no more
            link->stream.label = NACA_LINK_NO_LABEL;
            link->stream.run = 0;
        }
    }
    naca_link_put16(link, link->lock.is_locked | link->lock.tries << 8);
    naca_link_put(link, link->lock.salt, SALT_SIZE);
    return NACA_LINK_OK;
}
