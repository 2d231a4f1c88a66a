#include "signal_internal.h"

// Windows as samples come, and the features of one that is full: section 11.1.

// A pointer that takes the same room on every machine.
#define POINTER(type) \
    union { \
        type at; \
        uint64_t same_size_on_every_machine; \
    }

// Lies at the start of the caller's memory, and everything else there at an offset from it; 0 where
// there is nothing.
struct naca_signal {
    POINTER(const void *) section; // SGNL, in the image
    POINTER(naca_progress_t) progress;
    POINTER(void *) user;
    uint32_t size;      // of all memory
    uint32_t window;    // samples
    uint32_t hop;       // samples
    uint32_t fill;      // samples of the window that are there
    uint32_t skip;      // samples to leave out before that, where hops are longer than windows
    uint16_t channels;  // numbers of a sample
    uint16_t is_mapped; // 1 where they are real numbers
    uint32_t samples;   // int16[window][channels]
    uint32_t magnitude; // int16[window]
    uint32_t frame;     // int16[2^frame]
    uint32_t power;     // uint32[bands + 2]
    uint32_t sums;      // int32[frames]
    uint32_t features;  // int16[features]
};

// What decisions are made of, at the end of all memory where the image asks for them. An AVR aligns
// nothing, others to 4 bytes.
typedef struct votes {
    uint16_t resting; // windows left in which nothing is decided
    uint16_t next;    // place of the answer to come
    int16_t answers[NACA_MAX_VOTES];
} votes_t;

static votes_t *votes_of(naca_signal_t *signal)
{
    return (votes_t *)(void *)((uint8_t *)signal + signal->size - sizeof(votes_t));
}

static void *place(naca_signal_t *signal, uint32_t offset)
{
    return offset != 0 ? (uint8_t *)signal + offset : NULL;
}

static uint32_t reserve(naca_signal_t *signal, uint32_t bytes)
{
    const uint32_t at = signal->size;
    signal->size += (bytes + 3u) & ~3u;
    return bytes != 0 ? at : 0;
}

// The one place that knows where everything lies: sizing and setting up are the same code.
static void plan(const layout_t *layout, naca_signal_t *signal)
{
    const description_t *d = &layout->d;
    memset(signal, 0, sizeof *signal);
    signal->window = (uint32_t)1 << d->window;
    signal->hop = d->hop;
    signal->channels = d->channels;
    signal->is_mapped = d->flags & SIGNAL_REAL;
    signal->size = sizeof *signal;
    signal->samples = reserve(signal, 2u * signal->window * d->channels);
    signal->magnitude = reserve(signal, d->magnitudes != 0 ? 2u * signal->window : 0);
    signal->frame = reserve(signal, d->bands != 0 ? (uint32_t)2 << d->frame : 0);
    signal->power = reserve(signal, d->bands != 0 ? 4u * (d->bands + 2u) : 0);
    signal->sums = reserve(signal, 4u * d->frames);
    signal->features = reserve(signal, 2u * d->features);
    (void)reserve(signal, d->votes != 0 ? (uint32_t)sizeof(votes_t) : 0); // the last: votes_of
}

static void forget_votes(naca_signal_t *signal)
{
    layout_t layout;
    naca_signal_lay_out(signal->section.at, &layout);
    if (layout.d.votes != 0) {
        votes_t *votes = votes_of(signal);
        votes->resting = 0;
        votes->next = 0;
        for (uint32_t i = 0; i < NACA_MAX_VOTES; i++) {
            votes->answers[i] = -1;
        }
    }
}

naca_status_t naca_signal_facts(const naca_image_t *image, naca_signal_facts_t *facts)
{
    layout_t layout;
    if (facts == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    const naca_status_t status = naca_signal_read(image, &layout);
    if (status == NACA_OK) {
        const description_t *d = &layout.d;
        facts->rate = d->rate;
        facts->hop = d->hop;
        facts->window = (uint16_t)(1u << d->window);
        facts->features = d->features;
        facts->channels = d->channels;
        facts->is_real = d->flags & SIGNAL_REAL ? 1 : 0;
    }
    return status;
}

naca_status_t naca_signal_size(const naca_image_t *image, uint32_t *size)
{
    layout_t layout;
    naca_signal_t signal;
    if (size == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    const naca_status_t status = naca_signal_read(image, &layout);
    if (status == NACA_OK) {
        plan(&layout, &signal);
        *size = signal.size;
    }
    return status;
}

naca_status_t naca_signal_init(const naca_image_t *image, void *memory, uint32_t size,
                               naca_signal_t **signal)
{
    layout_t layout;
    naca_signal_t planned;
    if (memory == NULL || signal == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    const naca_status_t status = naca_signal_read(image, &layout);
    if (status != NACA_OK) {
        return status;
    }
    if ((uintptr_t)memory % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    plan(&layout, &planned);
    if (size < planned.size) {
        return NACA_ERR_WORKSPACE;
    }
    planned.section.at = layout.section;
    memset(memory, 0, planned.size);
    memcpy(memory, &planned, sizeof planned);
    *signal = memory;
    forget_votes(*signal);
    return NACA_OK;
}

naca_status_t naca_signal_set_progress(naca_signal_t *signal, naca_progress_t progress, void *user)
{
    if (signal == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    signal->progress.at = progress;
    signal->user.at = user;
    return NACA_OK;
}

// Take samples until a window is full: integers, or real numbers.
static naca_status_t take(naca_signal_t *signal, const void *samples, bool is_real, uint32_t count,
                          uint32_t *taken)
{
    layout_t layout;
    if (signal == NULL || taken == NULL || (samples == NULL && count != 0)) {
        return NACA_ERR_ARGUMENT;
    }
    const uint32_t channels = signal->channels;
    const bool is_mapped = signal->is_mapped != 0;
    *taken = 0;
    if (is_real && (!is_mapped || count > UINT32_MAX / (4u * NACA_MAX_CHANNELS) ||
                    !naca_are_finite(samples, count * channels))) {
        return NACA_ERR_SAMPLE;
    }
    if (is_mapped) {
        naca_signal_lay_out(signal->section.at, &layout);
    }
    const uint8_t *reals = samples;
    const int16_t *numbers = samples;
    for (; *taken < count && signal->fill < signal->window; (*taken)++) {
        int16_t *to = (int16_t *)place(signal, signal->samples) + signal->fill * channels;
        for (uint32_t i = 0; i < channels; i++, reals += 4, numbers++) {
            int32_t x;
            if (is_real) {
                x = naca_map_real(&layout.maps, i, reals);
            } else {
                x = is_mapped ? naca_map_integer(&layout.maps, i, *numbers) : *numbers;
            }
            to[i] = limited(x);
        }
        // What is left out is written over by the next one.
        if (signal->skip != 0) {
            signal->skip--;
        } else {
            signal->fill++;
        }
    }
    return NACA_OK;
}

naca_status_t naca_signal_push(naca_signal_t *signal, const int16_t *samples, uint32_t count,
                               uint32_t *taken)
{
    return take(signal, samples, false, count, taken);
}

naca_status_t naca_signal_push_reals(naca_signal_t *signal, const void *samples, uint32_t count,
                                     uint32_t *taken)
{
    return take(signal, samples, true, count, taken);
}

naca_status_t naca_signal_gap(naca_signal_t *signal)
{
    if (signal == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    signal->fill = 0;
    signal->skip = 0;
    forget_votes(signal);
    return NACA_OK;
}

// The largest integer whose square is not above x, by Newton's way from `near` on.
static uint32_t root_near(uint32_t x, uint32_t near)
{
    uint32_t root = near != 0 ? near : 1;
    uint32_t quotient = x / root;
    root = (root + quotient) >> 1; // not below the root from here on
    for (;;) {
        if (root == 0) {
            return 0;
        }
        quotient = x / root;
        if (quotient >= root) {
            return root;
        }
        root = (root + quotient) >> 1;
    }
}

// A magnitude of up to three channels, worked out in scratch.
static channel_t magnitude(naca_signal_t *signal, const uint8_t *axes)
{
    const int16_t *samples = place(signal, signal->samples);
    int16_t *out = place(signal, signal->magnitude);
    uint32_t root = 0;
    for (uint32_t i = 0; i < signal->window; i++, samples += signal->channels) {
        uint32_t squares = 0;
        for (uint32_t k = 0; k < AXES && axes[k] != NO_AXIS; k++) {
            const int32_t x = samples[axes[k]];
            squares += (uint32_t)(x * x);
        }
        root = root_near(squares, root);
        out[i] = limited((int32_t)root);
    }
    const channel_t channel = {out, 1};
    return channel;
}

// Windows overlap where hops are shorter: what they share stays.
static void advance(naca_signal_t *signal)
{
    const uint32_t kept = signal->hop < signal->window ? signal->window - signal->hop : 0;
    int16_t *samples = place(signal, signal->samples);
    memmove(samples, samples + (signal->window - kept) * signal->channels,
            2u * (size_t)kept * signal->channels);
    signal->fill = kept;
    signal->skip = signal->hop > signal->window ? signal->hop - signal->window : 0;
}

naca_status_t naca_signal_features(naca_signal_t *signal, naca_sample_t *sample)
{
    layout_t layout;
    if (signal == NULL || sample == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (signal->fill < signal->window) {
        return NACA_ERR_BUFFER;
    }
    naca_signal_lay_out(signal->section.at, &layout);
    const description_t *d = &layout.d;
    const scratch_t scratch = {place(signal, signal->frame), place(signal, signal->power),
                               place(signal, signal->sums), signal->progress.at, signal->user.at};
    const int16_t *samples = place(signal, signal->samples);
    int16_t *out = place(signal, signal->features);
    for (uint32_t i = 0; i < (uint32_t)d->channels + d->magnitudes; i++) {
        const uint32_t blocks = layout.blocks[i];
        channel_t channel = {samples + i, d->channels};
        if (i >= d->channels) {
            channel = magnitude(signal, layout.axes + AXES * (i - d->channels));
        }
        sums_t sums = {0};
        if ((blocks & (BLOCK_BANDS - 1u)) != 0 || d->frame == d->window) {
            sums = naca_sums(channel, d->window);
        }
        out = naca_statistics(channel, &sums, d->window, blocks, out);
        if ((blocks & BLOCK_BANDS) != 0) {
            out = naca_bands(&layout, channel, &sums, &scratch, out);
        }
        if ((blocks & BLOCK_DECIMATED) != 0) {
            out = naca_decimated(channel, d->window, d->decimation, out);
        }
        naca_signal_tick(&scratch);
    }
    advance(signal);
    sample->kind = NACA_RAW_I16;
    sample->data = place(signal, signal->features);
    sample->count = d->features;
    return NACA_OK;
}

naca_status_t naca_signal_decide(naca_signal_t *signal, int32_t answer, int32_t *decided)
{
    layout_t layout;
    if (signal == NULL || decided == NULL || answer < -1 || answer > INT16_MAX) {
        return NACA_ERR_ARGUMENT;
    }
    naca_signal_lay_out(signal->section.at, &layout);
    const description_t *d = &layout.d;
    *decided = answer;
    if (d->votes == 0) {
        return NACA_OK;
    }
    votes_t *votes = votes_of(signal);
    votes->answers[votes->next] = (int16_t)answer;
    votes->next = (uint16_t)((votes->next + 1u) % d->votes);
    uint32_t same = 0;
    for (uint32_t i = 0; i < d->votes; i++) {
        same += votes->answers[i] == answer ? 1u : 0u;
    }
    if (votes->resting != 0) {
        votes->resting--;
        *decided = -1;
    } else if (answer < 0 || same < d->quorum) {
        *decided = -1;
    } else {
        votes->resting = d->rest;
    }
    return NACA_OK;
}
