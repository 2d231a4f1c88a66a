#include "internal.h"

// docs/image.md. Everything that could go wrong later is refused here, so that the hot path checks
// nothing.

enum { CRITICAL = 1, CURVE_BYTES = 256 * 3, MAX_SECTIONS = 64 };

typedef struct header {
    uint32_t magic;
    uint16_t version;
    uint16_t sections;
    uint32_t size;
    uint32_t crc;
} header_t;
STATIC_ASSERT(header, sizeof(header_t) == 16);
STATIC_ASSERT(section, sizeof(section_t) == 16);

static void read_section(const uint8_t *image, uint32_t index, section_t *section)
{
    memcpy(section, image + sizeof(header_t) + index * sizeof *section, sizeof *section);
}

static uint32_t section_count(const uint8_t *image)
{
    return image[offsetof(header_t, sections)] |
           (uint32_t)image[offsetof(header_t, sections) + 1u] << 8;
}

bool naca_find_section(const uint8_t *image, uint32_t tag, section_t *section)
{
    const uint32_t count = section_count(image);
    for (uint32_t i = 0; i < count; i++) {
        read_section(image, i, section);
        if (section->tag == tag && (section->flags & CRITICAL) != 0) {
            return true;
        }
    }
    memset(section, 0, sizeof *section);
    return false;
}

static naca_status_t check_header(const uint8_t *data, uint32_t size)
{
    header_t header;
    if (size < sizeof header) {
        return NACA_ERR_TRUNCATED;
    }
    memcpy(&header, data, sizeof header);
    if (header.magic != TAG('N', 'A', 'C', 'A')) {
        return NACA_ERR_MAGIC;
    }
    if (header.version != NACA_IMAGE_VERSION) {
        return NACA_ERR_VERSION;
    }
    if (header.size != size) {
        return NACA_ERR_TRUNCATED;
    }
    // Everything but the checksum itself, which ends the header.
    uint32_t crc = naca_crc32(0, data, offsetof(header_t, crc));
    crc = naca_crc32(crc, data + sizeof header, size - (uint32_t)sizeof header);
    return crc == header.crc ? NACA_OK : NACA_ERR_CHECKSUM;
}

// What is found out about an image while it is checked.
typedef struct check {
    const uint8_t *data;
    uint32_t network_id;
    uint32_t unexplained; // critical sections that nothing has asked for yet
    uint32_t units;
    network_t net;
    preparation_t prep;
} check_t;

// Sections follow the table in the table's order, aligned, without overlap, no critical one twice.
// The id is taken over everything but the learned state and what is written for people.
static naca_status_t check_table(check_t *check, uint32_t size)
{
    const uint8_t *data = check->data;
    const uint32_t count = section_count(data);
    uint32_t free_from = (uint32_t)(sizeof(header_t) + count * sizeof(section_t));
    if (count > MAX_SECTIONS) {
        return NACA_ERR_SECTION;
    }
    if (free_from > size) {
        return NACA_ERR_TRUNCATED;
    }
    for (uint32_t i = 0; i < count; i++) {
        section_t section;
        section_t first;
        read_section(data, i, &section);
        if (section.offset < free_from || section.offset % 4u != 0 || section.offset > size ||
            section.size > size - section.offset) {
            return NACA_ERR_SECTION;
        }
        free_from = section.offset + section.size;
        if ((section.flags & CRITICAL) == 0) {
            continue;
        }
        check->unexplained++;
        (void)naca_find_section(data, section.tag, &first);
        if (first.offset != section.offset) {
            return NACA_ERR_SECTION;
        }
        if (section.tag != TAG_STATE) {
            const uint32_t id = naca_crc32(check->network_id, &section.tag, sizeof section.tag);
            check->network_id = naca_crc32(id, data + section.offset, section.size);
        }
    }
    return NACA_OK;
}

// What one field of a record may hold: 0 or 1 to its limit, or minus its limit to its limit.
// Limits of 4-byte fields count in steps of 4096.
typedef struct field {
    uint8_t offset;
    uint8_t form;
    uint16_t limit;
} field_t;

enum { FROM_0 = 0, FROM_1 = 1, SYMMETRIC = 2, LOW = 3, U8 = 4, I8 = 8, U16 = 12, I32 = 16 };
enum { STEP = 12 };

static const field_t network_fields[] = {
    {offsetof(network_t, inputs), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(network_t, capacity), U16 | FROM_1, NACA_MAX_CLASSES},
    {offsetof(network_t, populations), U8 | FROM_1, NACA_MAX_POPULATIONS},
    {offsetof(network_t, encoder), U8 | FROM_0, ENCODER_LATENCY},
    {offsetof(network_t, bits), U8 | FROM_1, 8},
    {offsetof(network_t, steps), U8 | FROM_1, NACA_MAX_STEPS},
    {offsetof(network_t, reserved), I32 | FROM_0, 0},
};

static const field_t population_fields[] = {
    {offsetof(population_t, neurons), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(population_t, flags), U16 | FROM_0, 15},
    {offsetof(population_t, zero_point), U8 | FROM_0, 15},
    {offsetof(population_t, decay), U16 | FROM_0, 256},
    {offsetof(population_t, current_shift), U8 | FROM_0, 7},
    {offsetof(population_t, refractory), U8 | FROM_0, 254},
    {offsetof(population_t, norm_shift), U8 | FROM_0, 24},
    {offsetof(population_t, threshold), I32 | SYMMETRIC, 1u << (26 - STEP)},
    {offsetof(population_t, inhibition), I32 | FROM_0, 1u << (15 - STEP)},
    {offsetof(population_t, adaptation), I32 | FROM_0, 1u << (20 - STEP)},
    {offsetof(population_t, adaptation_decay), U16 | FROM_0, 256},
    {offsetof(population_t, post), U8 | FROM_0, POST_WINNER},
    {offsetof(population_t, signal), U8 | FROM_0, SIGNAL_ERROR},
    {offsetof(population_t, pre), U8 | FROM_0, PRE_BOUNDED},
    {offsetof(population_t, trace_shift), I8 | SYMMETRIC, 8},
    {offsetof(population_t, trace_decay), U16 | FROM_0, 256},
    {offsetof(population_t, rate_shift), U8 | FROM_1, 28},
    {offsetof(population_t, handicap), U16 | FROM_0, 4095},
    {offsetof(population_t, recruit), I32 | SYMMETRIC, 1u << (27 - STEP)},
    {offsetof(population_t, delta_margin), I32 | FROM_0, 1u << (24 - STEP)},
    {offsetof(population_t, curve_shift), U8 | FROM_0, 24},
    {offsetof(population_t, reserved), I32 | FROM_0, 0},
    {offsetof(population_t, reserved) + 4, I32 | FROM_0, 0},
    {offsetof(population_t, reserved) + 7, I32 | FROM_0, 0},
};

static const field_t preparation_fields[] = {
    {offsetof(preparation_t, spatial), U8 | FROM_0, SPATIAL_EDGES},
    {offsetof(preparation_t, flags), U8 | FROM_0, 7},
    {offsetof(preparation_t, height), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(preparation_t, width), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(preparation_t, channels), U16 | FROM_1, 64},
    {offsetof(preparation_t, cell), U8 | FROM_1, 255},
    {offsetof(preparation_t, shift), U8 | FROM_0, 30},
    {offsetof(preparation_t, cap), U16 | FROM_0, 32767},
    {offsetof(preparation_t, norm), U16 | FROM_0, 4095},
};

static bool fields_fit(const void *record, const field_t *fields, size_t count)
{
    for (const field_t *field = fields; field < fields + count; field++) {
        const uint8_t *at = (const uint8_t *)record + field->offset;
        const uint32_t form = field->form & LOW;
        int32_t value = *at;
        int32_t limit = field->limit;
        if ((field->form & ~(uint32_t)LOW) == I32) {
            memcpy(&value, at, 4);
            limit *= (int32_t)1 << STEP;
        } else if ((field->form & ~(uint32_t)LOW) == U16) {
            value = at[0] | (int32_t)at[1] << 8;
        } else if ((field->form & ~(uint32_t)LOW) == I8) {
            value = (int8_t)*at;
        }
        if (value > limit || value < (form == SYMMETRIC ? -limit : (int32_t)form)) {
            return false;
        }
    }
    return true;
}

#define FIELDS_FIT(record, fields) fields_fit(record, fields, sizeof(fields) / sizeof(fields)[0])

// What no single field can say.
static bool population_fits(const population_t *p, const network_t *net, bool is_output)
{
    const int32_t zero = p->zero_point;
    const bool four = p->weight_bits == 4;
    if (!FIELDS_FIT(p, population_fields) || (!four && (p->weight_bits != 8 || zero != 0)) ||
        (four && (p->weight_min < -zero || p->weight_max > 15 - zero)) || p->weight_min > 0 ||
        p->weight_max < 0) {
        return false;
    }
    if ((is_output && p->neurons != net->capacity) || p->fire_from >= net->steps ||
        p->winners > p->neurons) {
        return false;
    }
    if (p->signal == SIGNAL_ERROR && (!is_output || p->post == POST_WINNER)) {
        return false;
    }
    if (p->pre == PRE_ATTRACT && (p->flags & POPULATION_BIAS) != 0) {
        return false;
    }
    return p->post == POST_NONE || (p->rates >= 1 && p->rates <= NACA_MAX_RATES);
}

static bool has_section(check_t *check, uint32_t tag, uint32_t size)
{
    section_t section;
    check->unexplained--;
    return naca_find_section(check->data, tag, &section) && section.size == size;
}

static naca_status_t check_population(check_t *check, uint32_t index, const uint8_t *record)
{
    population_t p;
    memcpy(&p, record + index * sizeof p, sizeof p);
    if (!population_fits(&p, &check->net, index + 1u == check->net.populations)) {
        return NACA_ERR_NETWORK;
    }
    const bool plastic = p.post != POST_NONE;
    const uint32_t table = (uint32_t)check->net.capacity * p.neurons;
    if ((plastic && !has_section(check, TAG_RATES(index), 2u * p.rates)) ||
        (plastic && p.signal == SIGNAL_TABLE && !has_section(check, TAG_TABLE(index), table)) ||
        ((p.flags & POPULATION_CURVE) != 0 && !has_section(check, TAG_CURVE(index), CURVE_BYTES))) {
        return NACA_ERR_SECTION;
    }
    return NACA_OK;
}

static uint32_t feature_count(const preparation_t *prep)
{
    const uint32_t rows = ((uint32_t)prep->height + prep->cell - 1u) / prep->cell;
    const uint32_t columns = ((uint32_t)prep->width + prep->cell - 1u) / prep->cell;
    return rows * columns * prep->channels * (prep->spatial == SPATIAL_EDGES ? 4u : 1u);
}

static naca_status_t check_preparation(check_t *check)
{
    preparation_t *prep = &check->prep;
    section_t section;
    if (!naca_find_section(check->data, TAG_PREPARATION, &section)) {
        return NACA_OK;
    }
    if (section.size < sizeof *prep) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *record = check->data + section.offset;
    memcpy(prep, record, sizeof *prep);
    if (!FIELDS_FIT(prep, preparation_fields) || prep->features != feature_count(prep) ||
        check->net.inputs != (prep->flags & PREP_SIGNED ? 2u : 1u) * (uint32_t)prep->features) {
        return NACA_ERR_NETWORK;
    }
    const uint32_t count = prep->flags & PREP_PER_FEATURE ? prep->features : 1u;
    if (!has_section(check, TAG_PREPARATION, (uint32_t)sizeof *prep + 4u * count)) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *gain = record + sizeof *prep + 2u * count;
    for (uint32_t i = 0; i < count; i++) {
        if (gain[2u * i + 1u] >= 64) { // 16384 or more
            return NACA_ERR_NETWORK;
        }
    }
    return NACA_OK;
}

static naca_status_t check_network(check_t *check)
{
    network_t *net = &check->net;
    section_t section;
    if (!naca_find_section(check->data, TAG_NETWORK, &section) || section.size < sizeof *net) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *record = check->data + section.offset;
    memcpy(net, record, sizeof *net);
    if (!FIELDS_FIT(net, network_fields) ||
        (net->encoder == ENCODER_BITPLANE && net->steps != net->bits)) {
        return NACA_ERR_NETWORK;
    }
    const uint32_t size = (uint32_t)(sizeof *net + net->populations * sizeof(population_t));
    naca_status_t status = has_section(check, TAG_NETWORK, size) ? NACA_OK : NACA_ERR_SECTION;
    for (uint32_t i = 0; status == NACA_OK && i < net->populations; i++) {
        status = check_population(check, i, record + sizeof *net);
    }
    return status == NACA_OK ? check_preparation(check) : status;
}

// The learned state, if there is one, has the size that the network asks for.
static naca_status_t check_state(check_t *check)
{
    naca_t core;
    section_t section;
    naca_plan(check->data, &core, NULL);
    check->units = core.units;
    const bool fits = !naca_find_section(check->data, TAG_STATE, &section) ||
                      has_section(check, TAG_STATE, core.state_size);
    return fits && check->unexplained == 0 ? NACA_OK : NACA_ERR_SECTION;
}

naca_status_t naca_image_open(naca_image_t *image, const void *data, uint32_t size)
{
    check_t check;
    if (image == NULL || data == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if ((uintptr_t)data % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    memset(&check, 0, sizeof check);
    check.data = data;
    naca_status_t status = check_header(data, size);
    if (status == NACA_OK) {
        status = check_table(&check, size);
    }
    if (status == NACA_OK) {
        status = check_network(&check);
    }
    if (status == NACA_OK) {
        status = check_state(&check);
    }
    if (status == NACA_OK) {
        image->data = data;
        image->size = size;
        image->network_id = check.network_id;
        image->inputs = check.net.inputs;
        image->features = check.prep.features;
        image->units = check.units;
        image->raw_count = (uint32_t)check.prep.height * check.prep.width * check.prep.channels;
        image->capacity = check.net.capacity;
        image->populations = check.net.populations;
        image->steps = check.net.steps;
        image->bits = check.net.bits;
    }
    return status;
}
