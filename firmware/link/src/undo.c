#include "internal.h"

// UNDO, ROLLBACK and FORGET; section 8.

enum { LAST = 0, MARKED = 1, MARK = 2 }; // what UNDO is asked for

static naca_link_status_t mark(naca_link_t *link)
{
    naca_link_undo_t *undo = &link->undo;
    if (!naca_link_can_undo(link)) {
        return naca_link_refuse(link, NACA_LINK_TOO_LARGE, naca_link_copy_room(link));
    }
    naca_link_keep_copy(link);
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
    naca_link_bring_back(link);
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
    const naca_link_undo_t *undo = &link->undo;
    if (what > MARK) {
        return NACA_LINK_UNKNOWN;
    }
    if (what == MARKED && undo->is_marked != 0) {
        back_to_mark(link); // however much was taught since
        return naca_link_hello(link, body);
    }
    naca_link_status_t status = naca_link_check_change(link, body.data);
    if (status == NACA_LINK_OK && !naca_link_can_undo(link)) {
        status = naca_link_refuse(link, NACA_LINK_TOO_LARGE, naca_link_copy_room(link));
    }
    if (status == NACA_LINK_OK && what == MARK) {
        status = mark(link);
    } else if (status == NACA_LINK_OK && what == LAST && undo->has_copy != 0) {
        naca_link_bring_back(link);
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
