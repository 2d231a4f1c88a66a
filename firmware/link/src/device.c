#include "internal.h"

// What the device is at: its image, its learned state, its store and the epoch. Handlers change
// it; docs/protocol.md, sections 2, 4 and 5.

bool naca_link_has_store(const naca_link_t *link)
{
    return link->store.flash != NULL;
}

const uint8_t *naca_link_image(const naca_link_t *link, uint32_t *size)
{
    const naca_image_memory_t *images = link->config->images;
    return images != NULL ? images->current(images->user, size) : NULL;
}

uint32_t naca_link_image_crc(const naca_link_t *link)
{
    return link->core != NULL ? image_crc(&link->image) : 0;
}

uint32_t naca_link_image_room(const naca_link_t *link)
{
    const naca_image_memory_t *images = link->config->images;
    return images != NULL && images->begin != NULL ? images->room : 0;
}

uint32_t naca_link_learned(const naca_link_t *link)
{
    uint32_t learned = 0;
    if (link->core != NULL) {
        (void)naca_learned(link->core, &learned);
    }
    return learned;
}

naca_link_status_t naca_link_refuse_core(naca_link_t *link, naca_status_t status)
{
    naca_link_put32(link, (uint32_t)status);
    return naca_link_refuse(link, NACA_LINK_CORE, naca_link_learned(link));
}

void naca_link_new_epoch(naca_link_t *link)
{
    link->epoch++;
    link->epoch += link->epoch == 0 ? 1u : 0u;
    link->epoch_learned = naca_link_learned(link);
    link->session = 0;
    link->session_start = 0;
    link->is_saved = 0;
    link->is_reading = 0;
    link->state_upload.size = 0;
    link->undo.has_copy = 0;
    link->undo.is_marked = 0;
    link->used = link->core_size;
    if (link->config->signals != NULL) {
        link->config->signals->start(link);
    }
}

void naca_link_state_header(const naca_link_t *link, uint32_t header[STATE_WORDS])
{
    header[MAGIC] = NACA_STATE_MAGIC;
    header[NETWORK] = link->image.network_id;
    (void)naca_state_bytes(link->core, &header[SIZE]);
    (void)naca_state_hash(link->core, &header[CHECK]);
}

void naca_link_mark_saved(naca_link_t *link)
{
    link->saved = naca_link_learned(link);
    link->is_saved = 1;
    link->undo.is_saved = 0; // what was saved before the mark is not what is saved now
}

bool naca_link_has_saved(const naca_link_t *link)
{
    uint32_t header[STATE_WORDS];
    uint32_t expected[STATE_WORDS];
    uint32_t size;
    uint32_t record[RECORD_WORDS];
    const naca_store_t *store = &link->store;
    (void)naca_state_bytes(link->core, &size);
    naca_link_state_header(link, expected);
    return store->generation != 0 && store->latest.key == naca_link_image_crc(link) &&
           store->latest.size >= RECORD + sizeof header + size &&
           naca_store_read(store, 0, record, sizeof record) == NACA_STORE_OK &&
           store->latest.size - RECORD - sizeof header - size == record[NAMES] &&
           naca_store_read(store, RECORD, header, sizeof header) == NACA_STORE_OK &&
           memcmp(header, expected, sizeof header - sizeof header[CHECK]) == 0;
}

naca_link_status_t naca_link_other_session(naca_link_t *link)
{
    naca_link_put32(link, link->session);
    return naca_link_refuse(link, NACA_LINK_OTHER_SESSION, naca_link_learned(link));
}
