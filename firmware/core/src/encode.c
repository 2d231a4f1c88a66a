#include "internal.h"

// Section 2: one round of a counter-based generator.
uint32_t naca_hash32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    x ^= x >> 16;
    return x;
}

// Section 2: everything random in a presentation derives from the seed and the number of samples
// learned before it, never from the order in which things are computed.
uint32_t naca_presentation_key(const naca_t *core)
{
    const uint32_t learned = *LEARNED_CONST(uint32_t, core, 0);
    return naca_hash32(core->net.seed + learned * 0x9E3779B9u);
}

// Section 4.
static bool spikes_at(const naca_t *core, uint32_t code, uint32_t input, uint32_t step,
                      uint32_t key)
{
    const network_t *net = &core->net;
    const uint32_t bits = net->bits;
    const uint32_t encoded = core->encoded;
    if (code == 0) {
        return false;
    }
    switch (net->encoder) {
    case ENCODER_BITPLANE:
        return (code >> step & 1u) != 0;
    case ENCODER_RATE:
        return naca_hash32(key ^ (step * encoded + input)) >> (32u - bits) < code;
    case ENCODER_LATENCY:
        return ((((1u << bits) - 1u - code) * naca_steps(net)) >> bits) == step;
    default: // ENCODER_DIRECT
        return true;
    }
}

// Bits of codes with a sign: on spikes, then off spikes.
static void encode_signs(naca_t *core, uint32_t step)
{
    const int8_t *codes = AT_CONST(int8_t, core, core->encoder_codes);
    uint16_t *list = AT(uint16_t, core, core->spikes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->encoded; i++) {
        if (codes[i] > 0 && (codes[i] >> step & 1) != 0) {
            list[count++] = (uint16_t)i;
        }
    }
    const uint32_t on = count;
    for (uint32_t i = 0; i < core->encoded; i++) {
        if (codes[i] < 0 && (-codes[i] >> step & 1) != 0) {
            list[count++] = (uint16_t)i;
        }
    }
    core->spike_count = count;
    core->off_count = count - on;
    core->arrived_count = count;
}

void naca_encode_step(naca_t *core, const naca_sample_t *sample, uint32_t step, uint32_t *event)
{
    uint16_t *list = AT(uint16_t, core, core->spikes);
    uint32_t count = 0;
    if (sample->kind == NACA_EVENTS && core->net.encoder != ENCODER_BITPLANE) {
        const naca_event_t *events = sample->data;
        while (*event < sample->count && events[*event].step == step) {
            list[count++] = events[(*event)++].input;
        }
    } else {
        const uint8_t *codes = AT(uint8_t, core, core->encoder_codes);
        if (core->net.is_signed != 0) {
            encode_signs(core, step);
            return;
        }
        const uint32_t key = naca_presentation_key(core);
        for (uint32_t i = 0; i < core->encoded; i++) {
            if (spikes_at(core, codes[i], i, step, key)) {
                list[count++] = (uint16_t)i;
            }
        }
    }
    core->spike_count = count;
    core->arrived_count = count; // the same list, but for spiking stages
}
