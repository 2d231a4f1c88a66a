#include "inhibition.h"

// docs/image.md. Everything that could go wrong later is refused here, so that the hot path checks
// nothing.

enum {
    CURVE_BYTES = 256 * 3,
    MAX_SECTIONS = 64,
    MAP_BYTES = 7 // of an addend, a factor and an exponent
};

STATIC_ASSERT(image_fields, offsetof(naca_image_t, bits) - offsetof(naca_image_t, inputs) ==
                                offsetof(network_t, bits));

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

// Sections follow the table in the table's order, aligned, without overlap, no critical one twice.
// The id is taken over everything but the learned state and what is written for people.
static naca_status_t check_table(check_t *check, uint32_t size)
{
    const uint8_t *data = check->data;
    uint32_t count;
    const section_t *section = naca_sections(data, &count);
    uint32_t free_from = (uint32_t)(sizeof(header_t) + count * sizeof(section_t));
    if (count > MAX_SECTIONS) {
        return NACA_ERR_SECTION;
    }
    if (free_from > size) {
        return NACA_ERR_TRUNCATED;
    }
    for (; count != 0; count--, section++) {
        const uint32_t offset = section->offset;
        if (offset < free_from || offset % 4u != 0 || offset > size ||
            section->size > size - offset) {
            return NACA_ERR_SECTION;
        }
        free_from = offset + section->size;
        if ((section->flags & CRITICAL) == 0) {
            continue;
        }
        check->unexplained++;
        if (naca_find_section(data, section->tag) != section) {
            return NACA_ERR_SECTION;
        }
        if (section->tag != TAG_STATE) {
            uint32_t *id = &check->image->network_id;
            *id = naca_crc32(*id, &section->tag, sizeof section->tag);
            *id = naca_crc32(*id, data + offset, section->size);
        }
    }
    return NACA_OK;
}

static const field_t network_fields[] = {
    {offsetof(network_t, inputs), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(network_t, capacity), U16 | FROM_1, NACA_MAX_CLASSES},
    {offsetof(network_t, populations), U8 | FROM_0, NACA_MAX_POPULATIONS},
    {offsetof(network_t, encoder), U8 | FROM_0, ENCODER_DIRECT},
    {offsetof(network_t, bits), U8 | FROM_1, 8},
    {offsetof(network_t, steps_high), U8 | FROM_0, NACA_MAX_STEPS >> 8},
    {offsetof(network_t, is_signed), U8 | FROM_0, 1},
    {offsetof(network_t, reserved), U16 | FROM_0, 0},
};

static const field_t preparation_fields[] = {
    {offsetof(preparation_t, spatial), U8 | FROM_0, SPATIAL_EDGES},
    {offsetof(preparation_t, flags), U8 | FROM_0, 63},
    {offsetof(preparation_t, height), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(preparation_t, width), U16 | FROM_1, NACA_MAX_UNITS},
    {offsetof(preparation_t, channels), U16 | FROM_1, 64},
    {offsetof(preparation_t, cell), U8 | FROM_1, 255},
    {offsetof(preparation_t, shift), U8 | FROM_0, 30},
    {offsetof(preparation_t, cap), U16 | FROM_0, 32767},
    {offsetof(preparation_t, norm), U16 | FROM_0, 4095},
};

static bool has_section(check_t *check, uint32_t tag, uint32_t size)
{
    const section_t *section = naca_find_section(check->data, tag);
    check->unexplained--;
    return section->tag != 0 && section->size == size;
}

static naca_status_t check_population(check_t *check, uint32_t index, const uint8_t *record)
{
    population_t p;
    memcpy(&p, record + index * sizeof p, sizeof p);
    if (!naca_population_fits(&p, &check->net, index + 1u == check->net.populations)) {
        return NACA_ERR_NETWORK;
    }
    const bool plastic = p.post != POST_NONE;
    const uint32_t table = (uint32_t)check->net.capacity * p.neurons;
    const section_t *levels = naca_find_section(check->data, TAG_LEVELS(index));
    const uint32_t level_count = (uint32_t)p.ages * p.ranks;
    if (level_count != 0 && !has_section(check, TAG_LEVELS(index), level_count)) {
        return NACA_ERR_SECTION;
    }
    for (uint32_t i = 0; i < level_count; i++) {
        if (check->data[levels->offset + i] > 64) {
            return NACA_ERR_NETWORK;
        }
    }
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
    const section_t *section = naca_find_section(check->data, TAG_PREPARATION);
    if (section->tag == 0) {
        return NACA_OK;
    }
    if (section->size < sizeof *prep) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *record = check->data + section->offset;
    memcpy(prep, record, sizeof *prep);
    if (!FIELDS_FIT(prep, preparation_fields) || prep->features != feature_count(prep) ||
        check->net.inputs != (prep->flags & PREP_SIGNED ? 2u : 1u) * (uint32_t)prep->features) {
        return NACA_ERR_NETWORK;
    }
    if ((prep->flags & PREP_KEEPS_SIGN) != 0 &&
        ((prep->flags & PREP_SIGNED) != 0 || !check->net.is_signed)) {
        return NACA_ERR_NETWORK;
    }
    const uint32_t count = naca_gain_count(prep);
    const uint32_t maps = naca_map_count(prep);
    const uint32_t size = (uint32_t)sizeof *prep + 4u * count;
    if (maps > section->size || // as many more bytes would not be a number of 32 bits
        !has_section(check, TAG_PREPARATION, size + MAP_BYTES * maps)) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *gain = record + sizeof *prep + 2u * count;
    for (uint32_t i = 0; i < count; i++) {
        if (gain[2u * i + 1u] >= 64) { // 16384 or more
            return NACA_ERR_NETWORK;
        }
    }
    if ((prep->flags & PREP_PER_NUMBER) != 0 && maps == 0) {
        return NACA_ERR_NETWORK;
    }
    return NACA_OK;
}

static naca_status_t check_stages(check_t *check)
{
    const naca_stages_t *stages = check->image->code;
    if (stages != NULL) {
        return stages->check(stages, check);
    }
    if (naca_find_section(check->data, TAG_STAGE(0u))->tag != 0) {
        return NACA_ERR_STAGES;
    }
    return check->net.populations != 0 && check->net.encoder != ENCODER_DIRECT ? NACA_OK
                                                                               : NACA_ERR_NETWORK;
}

// Codes with a sign go to a bit-plane encoder, and its spikes to a population that learns from
// codes, if at all, with no bias.
static bool signs_fit(const check_t *check, const population_t *p)
{
    const network_t *net = &check->net;
    const bool learns_codes = p->pre == PRE_ATTRACT && p->trace_decay == 128 &&
                              p->trace_increment == 1u << (net->bits - 1u);
    return net->encoder == ENCODER_BITPLANE && net->bits <= 7 && net->populations != 0 &&
           naca_find_section(check->data, TAG_STAGE(0u))->tag == 0 &&
           (p->flags & POPULATION_BIAS) == 0 && (p->post == POST_NONE || learns_codes);
}

// The section is there exactly if the program brings what it asks for.
static naca_status_t check_inhibition(check_t *check, const population_t *first)
{
    const naca_stages_t *stages = check->image->code;
    if (check->net.is_signed && !signs_fit(check, first)) {
        return NACA_ERR_NETWORK;
    }
    if (naca_find_section(check->data, TAG_INHIBITION)->tag == 0) {
        return NACA_OK;
    }
    if (stages == NULL || stages->inhibition == NULL) {
        return NACA_ERR_STAGES;
    }
    check->unexplained--;
    return stages->inhibition->check(check, first);
}

static naca_status_t check_network(check_t *check)
{
    network_t *net = &check->net;
    const section_t *section = naca_find_section(check->data, TAG_NETWORK);
    if (section->size < sizeof *net) { // or there is none
        return NACA_ERR_SECTION;
    }
    const uint8_t *record = check->data + section->offset;
    memcpy(net, record, sizeof *net);
    const uint32_t steps = naca_steps(net);
    if (!FIELDS_FIT(net, network_fields) || steps == 0 ||
        (net->populations != 0 && steps > NACA_MAX_POPULATION_STEPS) ||
        (net->encoder == ENCODER_BITPLANE && steps != net->bits)) {
        return NACA_ERR_NETWORK;
    }
    const uint32_t size = (uint32_t)(sizeof *net + net->populations * sizeof(population_t));
    naca_status_t status = has_section(check, TAG_NETWORK, size) ? NACA_OK : NACA_ERR_SECTION;
    for (uint32_t i = 0; status == NACA_OK && i < net->populations; i++) {
        status = check_population(check, i, record + sizeof *net);
    }
    if (status == NACA_OK) {
        status = check_preparation(check);
    }
    // What makes features of a signal is nothing to the core, which takes them for raw samples.
    if (status == NACA_OK && naca_find_section(check->data, TAG_SIGNAL)->tag != 0) {
        check->unexplained--;
        status = check->prep.features != 0 ? NACA_OK : NACA_ERR_NETWORK;
    }
    if (status == NACA_OK) {
        population_t first = {0};
        if (net->populations != 0) {
            memcpy(&first, record + sizeof *net, sizeof first);
        }
        status = check_inhibition(check, &first);
    }
    return status == NACA_OK ? check_stages(check) : status;
}

// The learned state, if there is one, has the size that the network asks for.
static naca_status_t check_state(check_t *check)
{
    naca_t core;
    naca_image_t *image = check->image;
    naca_plan(image, &core, false, false);
    // The network record begins with what these fields are.
    memcpy(&image->inputs, &core.net, offsetof(network_t, steps));
    image->steps = (uint16_t)naca_steps(&core.net);
    image->raw_count = naca_raw_count(&core.prep);
    image->is_real = (core.prep.flags & PREP_REAL) != 0;
    image->stages = core.stage_count;
    image->encoded = core.encoded;
    image->units = core.units;
    image->bits = core.code_bits;
    image->is_signed = core.net.is_signed;
    const bool fits = naca_find_section(check->data, TAG_STATE)->tag == 0 ||
                      has_section(check, TAG_STATE, core.state_size);
    return fits && check->unexplained == 0 ? NACA_OK : NACA_ERR_SECTION;
}

naca_status_t naca_image_open_with(const naca_stages_t *stages, naca_image_t *image,
                                   const void *data, uint32_t size)
{
    check_t check;
    if (image == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    memset(image, 0, sizeof *image); // a refusal leaves it useless
    if (data == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if ((uintptr_t)data % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    memset(&check, 0, sizeof check);
    check.data = data;
    check.image = image;
    image->data = data;
    image->size = size;
    image->code = stages;
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
    image->data = status == NACA_OK ? image->data : NULL;
    return status;
}

naca_status_t naca_image_open(naca_image_t *image, const void *data, uint32_t size)
{
    return naca_image_open_with(NULL, image, data, size);
}
