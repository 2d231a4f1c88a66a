#include "internal.h"

// UNDO, ROLLBACK and FORGET; section 8. A copy of the learned state, from before the latest lesson,
// lies at the end of the workspace where the core and a signal's windows leave room for it.

enum { LAST = 0, MARKED = 1, MARK = 2 }; // what UNDO is asked for

static uint32_t state_size(const naca_link_t *link)
{
    uint32_t size;
    (void)naca_state_bytes(link->core, &size);
    return size;
}

static uint32_t room(const naca_link_t *link)
{
    const uint32_t all = link->config->workspace_size;
    return link->core != NULL && link->used < all ? all - link->used : 0;
}

bool naca_link_can_undo(const naca_link_t *link)
{
    return link->core != NULL && state_size(link) <= room(link);
}

static uint8_t *copy_of(const naca_link_t *link)
{
    uint8_t *end = (uint8_t *)link->config->workspace + link->config->workspace_size;
    return end - state_size(link);
}

static void keep(naca_link_t *link)
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
            keep(link);
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

static void bring_back(naca_link_t *link)
{
    uint32_t size;
    uint8_t *state = naca_state_bytes(link->core, &size);
    memcpy(state, copy_of(link), size);
    naca_state_written(link->core);
}

static naca_link_status_t mark(naca_link_t *link)
{
    naca_link_undo_t *undo = &link->undo;
    if (!naca_link_can_undo(link)) {
        return naca_link_refuse(link, NACA_LINK_TOO_LARGE, room(link));
    }
    keep(link);
    undo->has_copy = 0;
    undo->is_marked = 1;
    undo->session = link->session;
    undo->session_start = link->session_start;
    undo->saved = link->saved;
    undo->is_saved = link->is_saved;
    return NACA_LINK_OK;
}

// Back to the mark, as if nothing had been taught since.
static void back_to_mark(naca_link_t *link)
{
    const naca_link_undo_t undo = link->undo;
    bring_back(link);
    naca_link_new_epoch(link);
    link->session = undo.session;
    link->session_start = undo.session_start;
    link->saved = undo.saved;
    link->is_saved = undo.is_saved;
}

// The session of who changed the state by other means than lessons: whoever taught before finds
// another one, and does not teach again what was taken back.
static void hand_over(naca_link_t *link, uint32_t session)
{
    link->session = session;
    link->session_start = naca_link_learned(link);
}

naca_link_status_t naca_link_check_change(naca_link_t *link, const uint8_t *data)
{
    const uint32_t learned = naca_link_learned(link);
    if (get32(data) == 0) {
        return naca_link_other_session(link);
    }
    return get32(data + 4) == learned ? NACA_LINK_OK
                                      : naca_link_refuse(link, NACA_LINK_GAP, learned);
}

naca_link_status_t naca_link_undo(naca_link_t *link, body_t body)
{
    const uint32_t session = get32(body.data);
    const uint32_t what = body.data[8];
    naca_link_undo_t *undo = &link->undo;
    if (what > MARK) {
        return NACA_LINK_UNKNOWN;
    }
    if (what == MARKED && undo->is_marked != 0) {
        back_to_mark(link); // however much was taught since
        return naca_link_hello(link, body);
    }
    naca_link_status_t status = naca_link_check_change(link, body.data);
    if (status == NACA_LINK_OK && !naca_link_can_undo(link)) {
        status = naca_link_refuse(link, NACA_LINK_TOO_LARGE, room(link));
    }
    if (status == NACA_LINK_OK && what == MARK) {
        status = mark(link);
    } else if (status == NACA_LINK_OK && what == LAST && undo->has_copy != 0) {
        bring_back(link);
        naca_link_new_epoch(link);
        hand_over(link, session);
    } else if (status == NACA_LINK_OK) {
        status = NACA_LINK_NOTHING;
    }
    return status == NACA_LINK_OK ? naca_link_hello(link, body) : status;
}

naca_link_status_t naca_link_rollback(naca_link_t *link, body_t body)
{
    const uint32_t session = get32(body.data);
    const naca_link_status_t status = naca_link_check_change(link, body.data);
    if (status != NACA_LINK_OK) {
        return status;
    }
    if (!naca_link_has_saved(link)) {
        return NACA_LINK_NOTHING;
    }
    naca_link_start(link, true);
    if (link->core == NULL || link->is_saved == 0) { // it could not be read back
        return naca_link_refuse(link, NACA_LINK_STORE, (uint32_t)NACA_STORE_FLASH);
    }
    hand_over(link, session);
    link->is_saved = 0; // whose it is belongs to what is saved
    return naca_link_hello(link, body);
}

naca_link_status_t naca_link_forget(naca_link_t *link, body_t body)
{
    const uint32_t session = get32(body.data);
    const naca_link_status_t refused = naca_link_check_change(link, body.data);
    if (refused != NACA_LINK_OK) {
        return refused;
    }
    naca_link_before_change(link);
    const naca_link_undo_t undo = link->undo;
    const naca_status_t status = naca_forget(link->core, get16(body.data + 8));
    if (status != NACA_OK) {
        link->undo.has_copy = 0;
        return naca_link_refuse_core(link, status);
    }
    naca_link_new_epoch(link);
    link->undo = undo; // so that this is undone as a lesson is, and a mark holds
    hand_over(link, session);
    return naca_link_hello(link, body);
}
