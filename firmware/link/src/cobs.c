#include "internal.h"

uint32_t naca_cobs_run(const uint8_t *data, uint32_t size)
{
    uint32_t run = 0;
    while (run < size && run < NACA_COBS_RUN && data[run] != 0) {
        run++;
    }
    return run;
}

uint32_t naca_cobs_encode(const uint8_t *data, uint32_t size, uint8_t *out)
{
    uint32_t from = 0;
    uint32_t to = 0;
    for (;;) {
        const uint32_t run = naca_cobs_run(data + from, size - from);
        out[to] = (uint8_t)(run + 1u);
        memcpy(out + to + 1u, data + from, run);
        to += run + 1u;
        from += run;
        if (from == size) {
            return to;
        }
        from += run < NACA_COBS_RUN ? 1u : 0u; // the zero that the code stands for
    }
}

uint32_t naca_cobs_decode(uint8_t *data, uint32_t size)
{
    uint32_t from = 0;
    uint32_t to = 0; // never overtakes `from`
    while (from < size) {
        const uint32_t run = (uint32_t)data[from] - 1u;
        from++;
        if (run > NACA_COBS_RUN || run > size - from || naca_cobs_run(data + from, run) < run) {
            return UINT32_MAX;
        }
        memmove(data + to, data + from, run);
        from += run;
        to += run;
        if (run < NACA_COBS_RUN && from < size) {
            data[to] = 0;
            to++;
        }
    }
    return to;
}
