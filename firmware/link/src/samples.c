#include "internal.h"

// INFER, LEARN and LEARN_BATCH; section 2.

enum { LABEL = 2, EVENT = sizeof(naca_event_t) };

// Bytes of one sample, 0 for a kind that has no fixed length or that the network cannot take.
static uint32_t sample_size(const naca_image_t *image, uint32_t kind)
{
    switch (kind) {
    case NACA_RAW_U8:
    case NACA_RAW_I16:
    case NACA_RAW_I32:
        return image->raw_count << kind;
    case NACA_CODES:
        return image->inputs;
    case NACA_LINK_PACKED:
        return ((uint32_t)image->inputs * image->bits + 7u) / 8u;
    default:
        return 0;
    }
}

static void unpack(const naca_image_t *image, const uint8_t *data, uint8_t *codes)
{
    uint32_t bits = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < image->inputs; i++) {
        if (count < image->bits) {
            bits |= (uint32_t)*data++ << count;
            count += 8u;
        }
        codes[i] = (uint8_t)(bits & ((1u << image->bits) - 1u));
        bits >>= image->bits;
        count -= image->bits;
    }
}

// Make a sample of received bytes. They may be moved down by up to 3 bytes, for the core wants them
// aligned: what lies before them must have been read. Packed codes go to where the core wants them.
static void take(naca_link_t *link, uint32_t kind, uint8_t *data, uint32_t size,
                 naca_sample_t *sample)
{
    static const uint8_t element[] = {1, 2, 4, 1, EVENT};
    uint8_t *aligned = data - (uintptr_t)data % 4u;
    if (kind == NACA_LINK_PACKED) {
        kind = NACA_CODES;
        size = link->image.inputs;
        aligned = naca_codes(link->core);
        unpack(&link->image, data, aligned);
    } else {
        memmove(aligned, data, size);
    }
    sample->kind = (naca_sample_kind_t)kind;
    sample->data = aligned;
    sample->count = size / element[kind];
}

// The size that one of `count` samples in `size` bytes has, each after `before` bytes of its own.
static naca_link_status_t check_size(naca_link_t *link, uint32_t kind, uint32_t count,
                                     uint32_t before, uint32_t size, uint32_t *each)
{
    *each = sample_size(&link->image, kind);
    if (kind == NACA_EVENTS && count == 1u && before == 0) {
        *each = size - size % EVENT;
    } else if (*each == 0) {
        (void)naca_link_refuse_core(link, NACA_ERR_SAMPLE);
        return NACA_LINK_CORE; // a constant: no analyser has to guess that `kind` is good below
    }
    // Divided, for the product could overflow.
    return size % count == 0 && size / count == before + *each ? NACA_LINK_OK : NACA_LINK_LENGTH;
}

naca_link_status_t naca_link_infer(naca_link_t *link, body_t body)
{
    naca_sample_t sample;
    naca_result_t result;
    uint32_t size;
    const uint32_t kind = body.data[0];
    const naca_link_status_t fits = check_size(link, kind, 1, 0, body.size - 1u, &size);
    if (fits != NACA_LINK_OK) {
        return fits;
    }
    take(link, kind, body.data + 1, size, &sample);
    const naca_status_t status = naca_infer(link->core, &sample, &result);
    if (status != NACA_OK) {
        return naca_link_refuse_core(link, status);
    }
    naca_link_put(link, &result, sizeof result);
    return NACA_LINK_OK;
}

static naca_result_t *memory_of(const naca_link_t *link, uint32_t position)
{
    return &link->config->remembered[position & (link->config->remembered_count - 1u)];
}

static bool is_remembered(const naca_link_t *link, uint32_t position)
{
    const uint32_t learned = naca_link_learned(link);
    return learned - position <= link->config->remembered_count &&
           learned - position <= learned - link->epoch_learned;
}

// Learn what was not learned yet of consecutive samples, each of them a label and `size` bytes.
static naca_link_status_t learn(naca_link_t *link, uint32_t position, uint32_t count, uint32_t kind,
                                uint8_t *items, uint32_t size)
{
    if (position - naca_link_learned(link) - 1u < INT32_MAX) {
        return naca_link_refuse(link, NACA_LINK_GAP, naca_link_learned(link));
    }
    for (uint32_t i = 0; i < count; i++, items += LABEL + size) {
        if (position + i != naca_link_learned(link)) {
            continue; // learned before
        }
        naca_sample_t sample;
        naca_result_t result;
        const uint16_t label = get16(items);
        take(link, kind, items + LABEL, size, &sample);
        const naca_status_t status = naca_learn(link->core, &sample, label, &result);
        if (status != NACA_OK) {
            return naca_link_refuse_core(link, status);
        }
        *memory_of(link, position + i) = result;
    }
    return NACA_LINK_OK;
}

naca_link_status_t naca_link_learn(naca_link_t *link, body_t body)
{
    uint32_t size;
    const uint32_t position = get32(body.data);
    const uint32_t kind = body.data[6];
    naca_link_status_t status = check_size(link, kind, 1, 0, body.size - 7u, &size);
    if (status == NACA_LINK_OK) {
        memmove(body.data + 5, body.data + 4, LABEL); // beside the sample, as in a batch
        status = learn(link, position, 1, kind, body.data + 5, size);
    }
    if (status != NACA_LINK_OK) {
        return status;
    }
    if (!is_remembered(link, position)) {
        return NACA_LINK_FORGOTTEN;
    }
    naca_link_put(link, memory_of(link, position), sizeof(naca_result_t));
    return NACA_LINK_OK;
}

naca_link_status_t naca_link_learn_batch(naca_link_t *link, body_t body)
{
    uint32_t size;
    const uint32_t position = get32(body.data);
    const uint32_t count = get16(body.data + 4);
    const uint32_t kind = body.data[6];
    if (count > naca_link_batch(link)) {
        return naca_link_refuse(link, NACA_LINK_TOO_LARGE, naca_link_batch(link));
    }
    if (count == 0) {
        return NACA_LINK_LENGTH;
    }
    naca_link_status_t status = check_size(link, kind, count, LABEL, body.size - 7u, &size);
    if (status == NACA_LINK_OK) {
        status = learn(link, position, count, kind, body.data + 7, size);
    }
    if (status != NACA_LINK_OK) {
        return status;
    }
    uint32_t first = 0;
    while (first < count && !is_remembered(link, position + first)) {
        first++;
    }
    naca_link_put32(link, naca_link_learned(link));
    naca_link_put16(link, count - first);
    for (; first < count; first++) {
        naca_link_put(link, memory_of(link, position + first), sizeof(naca_result_t));
    }
    return NACA_LINK_OK;
}
