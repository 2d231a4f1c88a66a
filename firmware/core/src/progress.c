#include "internal.h"

// The caller's function that long work calls now and then.

naca_status_t naca_set_progress(naca_t *core, naca_progress_t progress, void *user)
{
    if (core == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    core->progress.at = progress;
    core->progress_user.at = user;
    return NACA_OK;
}

void naca_tick(const naca_t *core)
{
    if (core->progress.at != NULL) {
        core->progress.at(core->progress_user.at);
    }
}
