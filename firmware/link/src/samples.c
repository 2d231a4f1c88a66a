#include "internal.h"

// INFER, LEARN, LEARN_BATCH and SESSION; section 2.

enum { LABEL = 2, EVENT = sizeof(naca_event_t) };

// Bits of a packed code: those of its magnitude, and its sign where codes have one.
static uint32_t packed_width(const naca_image_t *image)
{
    return (uint32_t)image->bits + image->is_signed;
}

// Bytes of one sample, 0 for a kind that has no fixed length or that the network cannot take.
static uint32_t sample_size(const naca_image_t *image, uint32_t kind)
{
    switch (kind) {
    case NACA_RAW_U8:
    case NACA_RAW_I16:
    case NACA_RAW_I32:
        return image->raw_count << kind;
    case NACA_RAW_F32:
        return image->raw_count * 4u;
    case NACA_CODES:
        return image->inputs;
    case NACA_LINK_PACKED:
        return (image->inputs * packed_width(image) + 7u) / 8u;
    default:
        return 0;
    }
}

static void unpack(const naca_image_t *image, const uint8_t *data, uint8_t *codes)
{
    const uint32_t width = packed_width(image);
    uint32_t bits = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < image->inputs; i++) {
        if (count < width) {
            bits |= (uint32_t)*data++ << count;
            count += 8u;
        }
        const uint32_t code = bits & ((1u << width) - 1u);
        const uint32_t is_off = code >> image->bits; // the sign; 0 where codes have none
        codes[i] = (uint8_t)(code - (is_off << width));
        bits >>= width;
        count -= width;
    }
}

// Make a sample of received bytes. They may be moved down by up to 3 bytes, for the core wants them
// aligned: what lies before them must have been read. Packed codes go to where the core wants them.
static void take(naca_link_t *link, uint32_t kind, uint8_t *data, uint32_t size,
                 naca_sample_t *sample)
{
    static const uint8_t element[] = {1, 2, 4, 1, EVENT, 1, 4};
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

static naca_remembered_t *memory_of(const naca_link_t *link, uint32_t position)
{
    return &link->config->remembered[position & (link->config->remembered_count - 1u)];
}

void naca_link_remember(const naca_link_t *link, uint32_t position, uint32_t item,
                        const naca_result_t *result)
{
    naca_remembered_t *memory = memory_of(link, position);
    memory->item = item;
    memory->result = *result;
}

// Whether the item at that position was learned in this epoch, and not too many items ago.
static bool is_remembered(const naca_link_t *link, uint32_t position)
{
    const uint32_t before = naca_link_learned(link) - position;
    return before != 0 && before <= link->config->remembered_count &&
           before <= naca_link_learned(link) - link->epoch_learned;
}

// Where an item belongs: the head of LEARN and LEARN_BATCH.
typedef struct item_place {
    uint32_t session;
    uint32_t position;
} item_place_t;

// Whether an item is the next to be learned, or was learned: section 2. `checksum` is its own.
static naca_link_status_t check_place(naca_link_t *link, item_place_t place, uint32_t checksum)
{
    const bool same =
        is_remembered(link, place.position) && memory_of(link, place.position)->item == checksum;
    if (same) {
        return NACA_LINK_OK; // whoever teaches now
    }
    if (place.session == 0 || place.session != link->session) {
        return naca_link_other_session(link);
    }
    const uint32_t learned = naca_link_learned(link);
    const uint32_t ahead = place.position - learned;
    if (ahead != 0 && ahead <= INT32_MAX) {
        return naca_link_refuse(link, NACA_LINK_GAP, learned);
    }
    const bool before = learned - place.position > learned - link->session_start;
    if (before || is_remembered(link, place.position)) {
        return naca_link_refuse(link, NACA_LINK_OTHER_ITEM, learned);
    }
    return NACA_LINK_OK;
}

// Learn what was not learned yet of consecutive items, each of them a label and `size` bytes.
static naca_link_status_t learn(naca_link_t *link, item_place_t place, uint32_t count, uint8_t kind,
                                uint8_t *items, uint32_t size)
{
    uint32_t head = naca_crc32(0, &place.session, sizeof place.session);
    head = naca_crc32(head, &kind, sizeof kind);
    for (uint32_t i = 0; i < count; i++, items += LABEL + size, place.position++) {
        const uint32_t checksum = naca_crc32(head, items, LABEL + size);
        naca_link_status_t refused = check_place(link, place, checksum);
        if (refused != NACA_LINK_OK) {
            return refused;
        }
        if (place.position != naca_link_learned(link)) {
            continue; // learned before
        }
        naca_sample_t sample;
        naca_result_t result;
        const uint16_t label = get16(items);
        take(link, kind, items + LABEL, size, &sample);
        const naca_status_t status = naca_link_teach(link, &sample, label, &result);
        if (status != NACA_OK) {
            return naca_link_refuse_core(link, status);
        }
        naca_link_remember(link, place.position, checksum, &result);
    }
    return NACA_LINK_OK;
}

enum { PLACE = 8 }; // bytes of a place

static item_place_t get_place(body_t body)
{
    const item_place_t place = {get32(body.data), get32(body.data + 4)};
    return place;
}

naca_link_status_t naca_link_learn(naca_link_t *link, body_t body)
{
    enum { HEAD = PLACE + LABEL + 1 };
    uint32_t size;
    const item_place_t place = get_place(body);
    const uint8_t kind = body.data[PLACE + LABEL];
    naca_link_status_t status = check_size(link, kind, 1, 0, body.size - HEAD, &size);
    if (status == NACA_LINK_OK) {
        // The label beside the sample, as in a batch.
        memmove(body.data + PLACE + 1, body.data + PLACE, LABEL);
        status = learn(link, place, 1, kind, body.data + PLACE + 1, size);
    }
    if (status != NACA_LINK_OK) {
        return status;
    }
    if (!is_remembered(link, place.position)) {
        return NACA_LINK_FORGOTTEN;
    }
    naca_link_put(link, &memory_of(link, place.position)->result, sizeof(naca_result_t));
    return NACA_LINK_OK;
}

naca_link_status_t naca_link_learn_batch(naca_link_t *link, body_t body)
{
    enum { HEAD = PLACE + 2 + 1 };
    uint32_t size;
    const item_place_t place = get_place(body);
    const uint32_t count = get16(body.data + PLACE);
    const uint8_t kind = body.data[PLACE + 2];
    if (count > naca_link_batch(link)) {
        return naca_link_refuse(link, NACA_LINK_TOO_LARGE, naca_link_batch(link));
    }
    if (count == 0) {
        return NACA_LINK_LENGTH;
    }
    naca_link_status_t status = check_size(link, kind, count, LABEL, body.size - HEAD, &size);
    if (status == NACA_LINK_OK) {
        status = learn(link, place, count, kind, body.data + HEAD, size);
    }
    if (status != NACA_LINK_OK) {
        return status;
    }
    uint32_t first = 0;
    while (first < count && !is_remembered(link, place.position + first)) {
        first++;
    }
    naca_link_put32(link, naca_link_learned(link));
    naca_link_put16(link, count - first);
    for (; first < count; first++) {
        const naca_remembered_t *item = memory_of(link, place.position + first);
        naca_link_put(link, &item->result, sizeof item->result);
    }
    return NACA_LINK_OK;
}

naca_link_status_t naca_link_session(naca_link_t *link, body_t body)
{
    const item_place_t place = get_place(body);
    const uint32_t learned = naca_link_learned(link);
    if (place.session == 0) {
        return naca_link_other_session(link);
    }
    if (place.session != link->session) {
        if (place.position != learned) {
            return naca_link_refuse(link, NACA_LINK_GAP, learned);
        }
        link->session = place.session;
        link->session_start = learned;
        link->is_saved = 0; // whose it is belongs to what is saved
    }
    return naca_link_hello(link, body);
}
