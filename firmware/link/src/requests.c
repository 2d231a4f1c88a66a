#include "internal.h"

// Sections 3 and 4: which request needs what, and the small ones.

enum { NEEDS_EPOCH = 1, NEEDS_IMAGE = 2, MAY_BE_LONGER = 4, WHEN_LOCKED = 8 };

static naca_link_status_t hash(naca_link_t *link, body_t body)
{
    uint32_t value;
    (void)body;
    (void)naca_state_hash(link->core, &value);
    naca_link_put32(link, value);
    naca_link_put32(link, naca_link_learned(link));
    return NACA_LINK_OK;
}

static naca_link_status_t stats(naca_link_t *link, body_t body)
{
    const naca_link_config_t *config = link->config;
    naca_counters_t counters;
    (void)body;
    memset(&counters, 0, sizeof counters);
    (void)naca_counters(link->core, &counters);
    naca_link_put32(link, link->counters.frames);
    naca_link_put32(link, link->counters.damaged);
    naca_link_put32(link, config->overruns != NULL ? config->overruns(config->user) : 0);
    naca_link_put32(link, link->counters.too_long);
    naca_link_put32(link, link->counters.refused);
    naca_link_put(link, &counters, sizeof counters);
    naca_link_put32(link, link->store.generation);
    naca_link_put32(link, link->store.errors);
    naca_link_put32(link, naca_store_wear(&link->store));
    naca_link_put32(link, config->stack_used != NULL ? config->stack_used(config->user) : 0);
    naca_link_put32(link, config->stack_size);
    return NACA_LINK_OK;
}

static naca_link_status_t signal_request(naca_link_t *link, body_t body)
{
    const naca_link_signals_t *signals = link->config->signals;
    return signals != NULL ? signals->take(link, body.data, body.size) : NACA_LINK_UNKNOWN;
}

static bool has_sensor(const naca_link_t *link)
{
    return link->config->signals != NULL && link->config->sensor != NULL;
}

static naca_link_status_t sensor_request(naca_link_t *link, body_t body)
{
    return has_sensor(link) ? link->config->signals->sense(link, body.data) : NACA_LINK_UNKNOWN;
}

static naca_link_status_t sensor_read_request(naca_link_t *link, body_t body)
{
    return has_sensor(link) ? link->config->signals->read(link, body.data) : NACA_LINK_UNKNOWN;
}

// By type, from HELLO on. A body has `least` bytes, or more where that is said.
static const struct {
    handler_t *handle;
    uint8_t needs;
    uint8_t least;
} requests[] = {
    {naca_link_hello, 0, 0},
    {naca_link_infer, NEEDS_IMAGE | MAY_BE_LONGER, 1},
    {naca_link_learn, NEEDS_EPOCH | NEEDS_IMAGE | MAY_BE_LONGER, 11},
    {naca_link_learn_batch, NEEDS_EPOCH | NEEDS_IMAGE | MAY_BE_LONGER, 11},
    {NULL, 0, 0}, // REWARD
    {naca_link_state_read, NEEDS_IMAGE, 6},
    {naca_link_state_write, NEEDS_EPOCH | NEEDS_IMAGE | MAY_BE_LONGER, 8},
    {hash, NEEDS_IMAGE, 0},
    {naca_link_save, NEEDS_EPOCH | NEEDS_IMAGE | WHEN_LOCKED, 0},
    {naca_link_reset, NEEDS_EPOCH | WHEN_LOCKED, 1},
    {stats, 0, 0},
    {naca_link_image_begin, NEEDS_EPOCH, 8},
    {naca_link_image_chunk, NEEDS_EPOCH | MAY_BE_LONGER, 4},
    {naca_link_image_end, NEEDS_EPOCH, 0},
    {naca_link_image_read, 0, 6},
    {naca_link_session, NEEDS_EPOCH | NEEDS_IMAGE, 8},
    {signal_request, NEEDS_EPOCH | NEEDS_IMAGE | MAY_BE_LONGER | WHEN_LOCKED, 13},
    {sensor_request, NEEDS_EPOCH | NEEDS_IMAGE | WHEN_LOCKED, 11},
    {sensor_read_request, 0, 6},
    {naca_link_undo, NEEDS_EPOCH | NEEDS_IMAGE, 9},
    {naca_link_rollback, NEEDS_EPOCH | NEEDS_IMAGE, 8},
    {naca_link_forget, NEEDS_EPOCH | NEEDS_IMAGE, 10},
    {naca_link_names_read, NEEDS_IMAGE, 6},
    {naca_link_names_write, NEEDS_EPOCH | NEEDS_IMAGE | MAY_BE_LONGER, 0},
    {naca_link_lock, NEEDS_EPOCH | WHEN_LOCKED, 25},
};

static naca_link_status_t dispatch(naca_link_t *link, const uint8_t *payload, body_t body)
{
    const uint32_t index = (uint32_t)payload[0] - NACA_LINK_HELLO;
    if (index >= sizeof requests / sizeof *requests || requests[index].handle == NULL) {
        return NACA_LINK_UNKNOWN;
    }
    const uint32_t needs = requests[index].needs;
    const uint32_t least = requests[index].least;
    if ((needs & NEEDS_EPOCH) != 0 && get32(payload + 4) != link->epoch) {
        return NACA_LINK_EPOCH;
    }
    if ((needs & NEEDS_EPOCH) != 0 && (needs & WHEN_LOCKED) == 0 && link->lock.is_locked != 0) {
        return naca_link_refuse(link, NACA_LINK_LOCKED, link->lock.tries);
    }
    if ((needs & NEEDS_IMAGE) != 0 && link->core == NULL) {
        return naca_link_refuse(link, NACA_LINK_NO_IMAGE, (uint32_t)link->image_status);
    }
    if (body.size < least || (body.size > least && (needs & MAY_BE_LONGER) == 0)) {
        return NACA_LINK_LENGTH;
    }
    return requests[index].handle(link, body);
}

void naca_link_answer(naca_link_t *link, uint8_t *payload, uint32_t size)
{
    const uint8_t type = payload[0];
    const uint16_t tag = get16(payload + 2);
    if ((type & 0x80u) != 0) {
        return; // an answer: ours, echoed by the line
    }
    const body_t body = {payload + NACA_LINK_HEADER, size - NACA_LINK_HEADER};
    link->answered = NACA_LINK_HEADER;
    const naca_link_status_t status = dispatch(link, payload, body);
    link->counters.refused += status != NACA_LINK_OK ? 1u : 0u;
    naca_link_send(link, type, status, tag);
}
