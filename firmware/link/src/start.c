#include "internal.h"

// Starting what the device runs, and HELLO, which tells of all that it is at; docs/protocol.md,
// sections 2, 4 and 5.

enum { BATCH_HEAD = 6 }; // bytes before the results in the answer to LEARN_BATCH

static naca_status_t start_core(naca_link_t *link)
{
    const naca_link_config_t *config = link->config;
    uint32_t size;
    naca_t *core;
    const uint8_t *data = naca_link_image(link, &size);
    link->core = NULL;
    if (data == NULL) {
        return NACA_OK;
    }
    naca_status_t status = naca_image_open_with(naca_all_stages(), &link->image, data, size);
    if (status == NACA_OK) {
        status = naca_init(&link->image, config->workspace, config->workspace_size, &core);
    }
    if (status == NACA_OK) {
        link->core = core;
        (void)naca_workspace_size(&link->image, &link->core_size);
        (void)naca_set_progress(core, config->progress, config->user);
    }
    return status;
}

// Load the saved state, if there is one of this image and network. False: the learned state is
// damaged now. The store has verified what it holds, so that takes a memory that fails on reading.
static bool restore(naca_link_t *link)
{
    uint32_t header[STATE_WORDS];
    uint32_t expected[STATE_WORDS];
    uint32_t record[RECORD_WORDS];
    uint32_t size;
    const naca_store_t *store = &link->store;
    uint8_t *state = naca_state_bytes(link->core, &size);
    if (!naca_link_has_saved(link) ||
        naca_store_read(store, 0, record, sizeof record) != NACA_STORE_OK ||
        naca_store_read(store, sizeof record, header, sizeof header) != NACA_STORE_OK) {
        return true;
    }
    const naca_store_status_t status =
        naca_store_read(store, sizeof record + sizeof header, state, size);
    naca_state_written(link->core);
    naca_link_state_header(link, expected);
    if (status != NACA_STORE_OK || expected[CHECK] != header[CHECK]) {
        return false;
    }
    link->session = record[SESSION];
    link->session_start = record[SESSION_START];
    naca_link_mark_saved(link);
    return true;
}

void naca_link_start(naca_link_t *link, bool with_saved)
{
    link->image_status = start_core(link);
    naca_link_new_epoch(link);
    naca_link_load_names(link);
    if (with_saved && link->core != NULL) {
        if (!restore(link)) {
            link->store.errors++;
            (void)start_core(link);
        }
        link->epoch_learned = naca_link_learned(link);
    }
}

uint32_t naca_link_batch(const naca_link_t *link)
{
    const uint32_t head = NACA_LINK_HEADER + BATCH_HEAD + NACA_LINK_CRC;
    const uint32_t room = (link->config->answer_size - head) / (uint32_t)sizeof(naca_result_t);
    return room < link->config->remembered_count ? room : link->config->remembered_count;
}

naca_link_status_t naca_link_hello(naca_link_t *link, body_t body)
{
    static const uint8_t version[] = {NACA_VERSION_MAJOR, NACA_VERSION_MINOR, NACA_VERSION_PATCH};
    const naca_link_config_t *config = link->config;
    const bool runs = link->core != NULL;
    const uint32_t room = naca_link_image_room(link);
    const uint32_t able = (naca_link_has_store(link) ? 2u : 0u) | (room != 0 ? 4u : 0u);
    const bool hears = link->stream.signal != NULL;
    const bool senses = config->signals != NULL && config->sensor != NULL;
    const uint32_t flags =
        able | (runs ? 1u | link->image.is_signed * 8u : 0u) | (hears ? 16u : 0u) |
        (senses ? 32u : 0u) | (naca_link_can_undo(link) ? 64u : 0u) |
        (link->lock.is_locked != 0 ? 128u : 0u) | (link->store.has_other_format != 0 ? 256u : 0u);
    char board[16] = {0};
    (void)body;
    for (uint32_t i = 0; i < sizeof board - 1u && config->board[i] != 0; i++) {
        board[i] = config->board[i];
    }
    naca_link_put16(link, NACA_LINK_PROTOCOL);
    naca_link_put16(link, naca_link_max_payload(config->frame_size));
    naca_link_put32(link, config->window);
    naca_link_put(link, version, sizeof version);
    naca_link_put16(link, flags);
    naca_link_put32(link, naca_link_image_crc(link));
    naca_link_put32(link, runs ? link->image.network_id : 0);
    naca_link_put32(link, naca_link_learned(link));
    naca_link_put32(link, config->workspace_size);
    naca_link_put32(link, room);
    naca_link_put(link, board, sizeof board);
    naca_link_put16(link, naca_link_batch(link));
    naca_link_put16(link, config->remembered_count);
    naca_link_put32(link, link->session);
    naca_link_put32(link, link->session_start);
    return NACA_LINK_OK;
}
