#include "internal.h"

// STATE_READ, STATE_WRITE, SAVE and RESET; section 5. States have the form of a saved state
// (docs/image.md, section 5), put together piece by piece.

static uint32_t total_size(const naca_link_t *link)
{
    uint32_t size = 0;
    (void)naca_state_size(link->core, &size);
    return size;
}

// Copies a part of the saved state, header and all.
static void copy_state(const naca_link_t *link, uint32_t offset, void *data, uint32_t size)
{
    uint32_t header[STATE_WORDS];
    uint32_t state_size;
    uint8_t *out = data;
    if (offset < sizeof header) {
        const uint32_t left = (uint32_t)sizeof header - offset;
        const uint32_t part = size < left ? size : left;
        naca_link_state_header(link, header);
        memcpy(out, (const uint8_t *)header + offset, part);
        offset += part;
        out += part;
        size -= part;
    }
    memcpy(out, naca_state_bytes(link->core, &state_size) + offset - sizeof header, size);
}

// Copies a part of what is saved: the record, the state, then names; naca_store_source_t. Pieces
// begin at multiples of NACA_STORE_PIECE, so none holds a part of the record.
static int copy_piece(void *user, uint32_t offset, void *data, uint32_t size)
{
    const naca_link_t *link = user;
    uint8_t *out = data;
    if (offset == 0) {
        uint32_t record[RECORD_WORDS];
        naca_link_make_record(link, record);
        memcpy(out, record, sizeof record);
        offset += (uint32_t)sizeof record;
        out += sizeof record;
        size -= (uint32_t)sizeof record;
    }
    const uint32_t end = RECORD + total_size(link);
    const uint32_t left = offset < end ? end - offset : 0;
    const uint32_t part = size < left ? size : left;
    if (part != 0) {
        copy_state(link, offset - RECORD, out, part);
    }
    if (part != size) {
        memcpy(out + part, link->config->names + (offset + part - end), size - part);
    }
    return 0;
}

naca_link_status_t naca_link_state_read(naca_link_t *link, body_t body)
{
    const uint32_t offset = get32(body.data);
    uint32_t size = get16(body.data + 4);
    if (offset == 0) {
        link->read_at = naca_link_learned(link);
        link->is_reading = 1;
    } else if (!link->is_reading || link->read_at != naca_link_learned(link)) {
        return naca_link_refuse(link, NACA_LINK_ORDER, 0);
    }
    uint8_t *data = naca_link_window(link, total_size(link), offset, &size);
    if (size > 0) {
        copy_state(link, offset, data, size);
    }
    return NACA_LINK_OK;
}

static naca_link_status_t store_failed(naca_link_t *link, naca_store_status_t status)
{
    link->state_upload.size = 0;
    return naca_link_refuse(link, NACA_LINK_STORE, (uint32_t)status);
}

naca_link_status_t naca_link_save(naca_link_t *link, body_t body)
{
    naca_store_t *store = &link->store;
    (void)body;
    if (!link->is_saved || link->saved != naca_link_learned(link)) {
        link->state_upload.size = 0;
        const naca_store_status_t status =
            naca_store_save(store, naca_link_image_crc(link),
                            RECORD + total_size(link) + link->names_used, copy_piece, link);
        if (status != NACA_STORE_OK) {
            return store_failed(link, status);
        }
        naca_link_mark_saved(link);
    }
    naca_link_put32(link, store->generation);
    return NACA_LINK_OK;
}

// Where there is no memory for saved states, all of it has to be here.
static naca_link_status_t load_at_once(naca_link_t *link, uint32_t total, uint32_t offset,
                                       body_t data)
{
    if (offset != 0 || data.size != total) {
        const uint32_t room = naca_link_max_payload(link->config->frame_size);
        return naca_link_refuse(link, NACA_LINK_TOO_LARGE, room - NACA_LINK_HEADER - 8u);
    }
    const naca_status_t status = naca_state_load(link->core, data.data, data.size);
    if (status != NACA_OK) {
        return naca_link_refuse_core(link, status);
    }
    naca_link_new_epoch(link);
    naca_link_put32(link, total);
    return NACA_LINK_OK;
}

// Whether a first chunk is one, and of this network.
static naca_link_status_t check_first(naca_link_t *link, uint32_t total, body_t data)
{
    const naca_upload_t whole = {total, 0, 0};
    uint32_t header[STATE_WORDS];
    const naca_link_status_t status = naca_link_check_chunk(link, &whole, 0, data.size);
    if (status != NACA_LINK_OK || data.size < sizeof header) {
        return status != NACA_LINK_OK ? status : NACA_LINK_LENGTH;
    }
    naca_link_state_header(link, header);
    return memcmp(data.data, header, sizeof header - sizeof header[CHECK]) == 0
               ? NACA_LINK_OK
               : naca_link_refuse_core(link, NACA_ERR_STATE);
}

static naca_link_status_t begin_write(naca_link_t *link, uint32_t total, body_t data)
{
    naca_upload_t *upload = &link->state_upload;
    uint32_t record[RECORD_WORDS];
    naca_store_t *store = &link->store;
    naca_link_make_record(link, record);
    record[SESSION] = 0; // nobody has taught it since
    record[SESSION_START] = 0;
    naca_store_status_t status =
        naca_store_begin(store, naca_link_image_crc(link), RECORD + total + link->names_used);
    if (status == NACA_STORE_OK) {
        status = naca_store_append(store, record, sizeof record);
    }
    if (status != NACA_STORE_OK) {
        return store_failed(link, status);
    }
    upload->size = total;
    upload->next = 0;
    upload->crc = get32(data.data + 4u * CHECK);
    link->write_crc = 0;
    return NACA_LINK_OK;
}

static naca_link_status_t finish_write(naca_link_t *link)
{
    link->state_upload.size = 0;
    if (link->write_crc != link->state_upload.crc) {
        return naca_link_refuse_core(link, NACA_ERR_CHECKSUM);
    }
    naca_store_status_t status =
        link->names_used != 0
            ? naca_store_append(&link->store, link->config->names, link->names_used)
            : NACA_STORE_OK;
    status = status == NACA_STORE_OK ? naca_store_commit(&link->store) : status;
    if (status != NACA_STORE_OK) {
        return store_failed(link, status);
    }
    naca_link_start(link, true);
    return link->is_saved ? NACA_LINK_OK : store_failed(link, NACA_STORE_FLASH);
}

static naca_link_status_t write_chunk(naca_link_t *link, body_t data)
{
    naca_upload_t *upload = &link->state_upload;
    const uint32_t header = upload->next == 0 ? NACA_STATE_HEADER : 0;
    const naca_store_status_t status = naca_store_append(&link->store, data.data, data.size);
    if (status != NACA_STORE_OK) {
        return store_failed(link, status);
    }
    link->write_crc = naca_crc32(link->write_crc, data.data + header, data.size - header);
    upload->next += data.size;
    return upload->next == upload->size ? finish_write(link) : NACA_LINK_OK;
}

// Whether a first chunk is the one that has begun the write, with nothing after it so far: then it
// is there, and need not cost flash again.
static bool is_repeated(const naca_link_t *link, body_t data)
{
    const naca_upload_t *upload = &link->state_upload;
    return upload->size != 0 && upload->next == data.size &&
           get32(data.data + 4u * CHECK) == upload->crc &&
           link->write_crc ==
               naca_crc32(0, data.data + NACA_STATE_HEADER, data.size - NACA_STATE_HEADER);
}

naca_link_status_t naca_link_state_write(naca_link_t *link, body_t body)
{
    const uint32_t total = get32(body.data);
    const uint32_t offset = get32(body.data + 4);
    const body_t data = {body.data + 8, body.size - 8u};
    if (total != total_size(link)) {
        return naca_link_refuse_core(link, NACA_ERR_STATE);
    }
    if (!naca_link_has_store(link)) {
        return load_at_once(link, total, offset, data);
    }
    naca_link_status_t status =
        offset == 0 ? check_first(link, total, data)
                    : naca_link_check_chunk(link, &link->state_upload, offset, data.size);
    if (status == NACA_LINK_OK && !(offset == 0 && is_repeated(link, data))) {
        status = offset == 0 ? begin_write(link, total, data) : NACA_LINK_OK;
        status = status == NACA_LINK_OK ? write_chunk(link, data) : status;
    }
    if (status == NACA_LINK_OK) {
        naca_link_put32(link, offset + data.size);
    }
    return status;
}

naca_link_status_t naca_link_reset(naca_link_t *link, body_t body)
{
    const uint32_t what = body.data[0];
    if (what > 2u) {
        return NACA_LINK_UNKNOWN;
    }
    if (what != 0 && link->lock.is_locked != 0) {
        return naca_link_refuse(link, NACA_LINK_LOCKED, link->lock.tries);
    }
    if (what == 2u && naca_link_has_store(link)) {
        const naca_store_status_t status = naca_store_clear(&link->store);
        if (status != NACA_STORE_OK) {
            return store_failed(link, status);
        }
    }
    naca_link_start(link, what == 0);
    return naca_link_hello(link, body);
}
