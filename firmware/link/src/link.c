#include "internal.h"

// Starting: the store, the image, the state that belongs to it, a new epoch.

#define UNASKED UINT16_MAX // tag of the HELLO that nobody asked for

uint32_t naca_link_size(void)
{
    return (uint32_t)sizeof(naca_link_t);
}

naca_t *naca_link_core(naca_link_t *link)
{
    return link->core;
}

uint32_t naca_link_learned(const naca_link_t *link)
{
    uint32_t learned = 0;
    uint32_t size;
    if (link->core != NULL) {
        memcpy(&learned, naca_state_bytes(link->core, &size), sizeof learned);
    }
    return learned;
}

void naca_link_new_epoch(naca_link_t *link)
{
    link->epoch++;
    link->epoch += link->epoch == 0 ? 1u : 0u;
    link->epoch_learned = naca_link_learned(link);
    link->is_saved = 0;
    link->is_reading = 0;
    link->state_upload.size = 0;
}

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
    }
    return status;
}

void naca_link_start(naca_link_t *link, bool with_saved)
{
    link->image_status = start_core(link);
    naca_link_new_epoch(link);
    if (with_saved && link->core != NULL) {
        if (!naca_link_restore(link)) {
            link->store.errors++;
            (void)start_core(link);
        }
        link->epoch_learned = naca_link_learned(link);
    }
}

static naca_status_t check_config(const naca_link_config_t *config)
{
    const uint32_t count = config->remembered_count;
    if (config->board == NULL || config->send == NULL || config->entropy == NULL ||
        config->frame == NULL || config->answer == NULL || config->workspace == NULL ||
        config->remembered == NULL || count == 0 || count > 0x8000u || (count & (count - 1u)) != 0) {
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
    naca_link_start(link, true);
    const body_t nothing = {NULL, 0};
    link->answered = NACA_LINK_HEADER;
    config->send(config->user, &end, 1);
    naca_link_send(link, NACA_LINK_HELLO, naca_link_hello(link, nothing), UNASKED);
    return NACA_OK;
}
