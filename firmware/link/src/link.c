#include "internal.h"

// The link as the board sees it: its start, and the bytes that it receives. Sections 1 and 4.

// The CRC-32 over anything followed by its own CRC-32.
#define RESIDUE 0x2144DF1Cu
#define UNASKED UINT16_MAX // tag of the HELLO that nobody asked for

uint32_t naca_link_size(void)
{
    return (uint32_t)sizeof(naca_link_t);
}

naca_t *naca_link_core(const naca_link_t *link)
{
    return link->core;
}

static naca_status_t check_config(const naca_link_config_t *config)
{
    const uint32_t count = config->remembered_count;
    if (config->board == NULL || config->send == NULL || config->entropy == NULL ||
        config->frame == NULL || config->answer == NULL || config->workspace == NULL ||
        config->remembered == NULL || (config->names == NULL && config->names_size != 0) ||
        count == 0 || count > 0x8000u || (count & (count - 1u)) != 0) {
        return NACA_ERR_ARGUMENT;
    }
    if ((uintptr_t)config->frame % 4u != 0 || (uintptr_t)config->answer % 4u != 0 ||
        (uintptr_t)config->workspace % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    return config->frame_size >= NACA_LINK_FRAME && config->answer_size >= NACA_LINK_ANSWER
               ? NACA_OK
               : NACA_ERR_BUFFER;
}

naca_status_t naca_link_init(naca_link_t *link, const naca_link_config_t *config)
{
    static const uint8_t end = 0;
    if (link == NULL || config == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    const naca_status_t status = check_config(config);
    if (status != NACA_OK) {
        return status;
    }
    memset(link, 0, sizeof *link);
    link->config = config;
    link->epoch = config->entropy(config->user);
    (void)naca_store_open(&link->store, config->state_flash);
    naca_store_set_progress(&link->store, config->progress, config->user);
    naca_link_load_lock(link);
    naca_link_start(link, true);
    const body_t nothing = {NULL, 0};
    link->answered = NACA_LINK_HEADER;
    config->send(config->user, &end, 1);
    naca_link_send(link, NACA_LINK_HELLO, naca_link_hello(link, nothing), UNASKED);
    return NACA_OK;
}

static void finish(naca_link_t *link, uint8_t *frame, uint32_t size)
{
    const uint32_t decoded = naca_cobs_decode(frame, size);
    if (decoded == UINT32_MAX || decoded < NACA_LINK_HEADER + NACA_LINK_CRC ||
        naca_crc32(0, frame, decoded) != RESIDUE) {
        link->counters.damaged++;
    } else {
        link->counters.frames++;
        naca_link_answer(link, frame, decoded - NACA_LINK_CRC);
    }
}

void naca_link_receive(naca_link_t *link, const uint8_t *data, uint32_t size)
{
    const naca_link_config_t *config = link->config;
    for (uint32_t i = 0; i < size; i++) {
        const uint32_t received = link->received;
        if (data[i] == 0) {
            link->received = 0;
            if (received > config->frame_size) {
                link->counters.too_long++;
            } else if (received != 0) {
                finish(link, config->frame, received);
            }
        } else if (received < config->frame_size) {
            config->frame[received] = data[i];
            link->received++;
        } else {
            link->received = config->frame_size + 1u; // too long: the rest is not kept
        }
    }
}
