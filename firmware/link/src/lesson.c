#include "internal.h"

// Lessons that can be undone: a copy of the learned state, from before the latest one, lies at the
// end of the workspace where the core and a signal's windows leave room for it.

static uint32_t state_size(const naca_link_t *link)
{
    uint32_t size;
    (void)naca_state_bytes(link->core, &size);
    return size;
}

uint32_t naca_link_copy_room(const naca_link_t *link)
{
    const uint32_t all = link->config->workspace_size;
    return link->core != NULL && link->used < all ? all - link->used : 0;
}

bool naca_link_can_undo(const naca_link_t *link)
{
    return link->core != NULL && state_size(link) <= naca_link_copy_room(link);
}

static uint8_t *copy_of(const naca_link_t *link)
{
    uint8_t *const workspace = link->config->workspace;
    return workspace + (link->config->workspace_size - state_size(link));
}

void naca_link_keep_copy(naca_link_t *link)
{
    uint32_t size;
    const uint8_t *state = naca_state_bytes(link->core, &size);
    memcpy(copy_of(link), state, size);
}

void naca_link_before_change(naca_link_t *link)
{
    naca_link_undo_t *undo = &link->undo;
    if (undo->is_marked == 0) {
        undo->has_copy = naca_link_can_undo(link) ? 1 : 0;
        if (undo->has_copy != 0) {
            naca_link_keep_copy(link);
        }
    }
}

naca_status_t naca_link_teach(naca_link_t *link, const naca_sample_t *sample, uint32_t label,
                              naca_result_t *result)
{
    naca_link_before_change(link);
    const naca_status_t status = naca_learn(link->core, sample, label, result);
    if (status != NACA_OK && link->undo.is_marked == 0) {
        link->undo.has_copy = 0; // nothing was learned: that is no lesson to undo
    }
    return status;
}

void naca_link_bring_back(naca_link_t *link)
{
    uint32_t size;
    uint8_t *state = naca_state_bytes(link->core, &size);
    memcpy(state, copy_of(link), size);
    naca_state_written(link->core);
}
