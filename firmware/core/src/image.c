#include "internal.h"

// docs/image.md. Everything that could go wrong later is refused here, so that the hot path checks
// nothing.

enum { HEADER = 16, ENTRY = 16, CRITICAL = 1, CURVE_BYTES = 256 * 3 };

static uint32_t read16(const uint8_t *p)
{
    uint16_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint32_t read32(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

// Tags of per-population sections end in the population's number.
static bool tag_is(const uint8_t *entry, const char *tag, uint32_t index)
{
    const uint8_t last = tag[3] == '#' ? (uint8_t)('0' + index) : (uint8_t)tag[3];
    return memcmp(entry, tag, 3) == 0 && entry[3] == last;
}

bool naca_find_section(const uint8_t *image, const char *tag, uint32_t index, section_t *section)
{
    const uint32_t count = read16(image + 6);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = image + HEADER + i * ENTRY;
        if (tag_is(entry, tag, index)) {
            section->offset = read32(entry + 8);
            section->size = read32(entry + 12);
            return true;
        }
    }
    return false;
}

static bool is_known(const uint8_t *entry, uint32_t populations)
{
    if (tag_is(entry, "NETW", 0) || tag_is(entry, "PREP", 0) || tag_is(entry, "STAT", 0)) {
        return true;
    }
    for (uint32_t i = 0; i < populations; i++) {
        if (tag_is(entry, "MOD#", i) || tag_is(entry, "RAT#", i) || tag_is(entry, "CUR#", i)) {
            return true;
        }
    }
    return false;
}

static naca_status_t check_header(const uint8_t *data, uint32_t size)
{
    if (size < HEADER) {
        return NACA_ERR_TRUNCATED;
    }
    if (memcmp(data, "NACA", 4) != 0) {
        return NACA_ERR_MAGIC;
    }
    if (read16(data + 4) != NACA_IMAGE_VERSION) {
        return NACA_ERR_VERSION;
    }
    if (read32(data + 8) != size) {
        return NACA_ERR_TRUNCATED;
    }
    if (naca_crc32(0, data + HEADER, size - HEADER) != read32(data + 12)) {
        return NACA_ERR_CHECKSUM;
    }
    return NACA_OK;
}

// Sections follow the table in the table's order, aligned, without overlap.
static naca_status_t check_table(const uint8_t *data, uint32_t size)
{
    const uint32_t count = read16(data + 6);
    uint32_t free_from = HEADER + count * ENTRY;
    if (free_from > size) {
        return NACA_ERR_TRUNCATED;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = data + HEADER + i * ENTRY;
        const uint32_t offset = read32(entry + 8);
        const uint32_t bytes = read32(entry + 12);
        if (offset < free_from || offset % 4u != 0 || offset > size || bytes > size - offset) {
            return NACA_ERR_SECTION;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (memcmp(data + HEADER + k * ENTRY, entry, 4) == 0) {
                return NACA_ERR_SECTION;
            }
        }
        free_from = offset + bytes;
    }
    return NACA_OK;
}

static bool within(int32_t x, int32_t limit)
{
    return x >= -limit && x <= limit;
}

static bool population_fits(const population_t *p, const network_t *net, bool is_output)
{
    const int32_t low = p->weight_bits == 4 ? -(int32_t)p->zero_point : -128;
    const int32_t high = p->weight_bits == 4 ? 15 - (int32_t)p->zero_point : 127;
    const bool size = p->neurons >= 1 && p->neurons <= NACA_MAX_UNITS &&
                      (!is_output || p->neurons == net->capacity);
    const bool weights = (p->weight_bits == 8 && p->zero_point == 0) ||
                         (p->weight_bits == 4 && p->zero_point <= 15);
    const bool range = p->weight_min >= low && p->weight_max <= high && p->weight_min <= 0 &&
                       p->weight_max >= 0;
    const bool dynamics = p->flags < 16 && p->decay <= 256 && p->current_shift <= 7 &&
                          p->curve_shift <= 24 && p->fire_from < net->steps &&
                          p->norm_shift <= 24 && p->winners <= p->neurons &&
                          within(p->threshold, (int32_t)1 << 26) && p->inhibition >= 0 &&
                          p->inhibition <= 32767 && p->adaptation >= 0 &&
                          p->adaptation <= (int32_t)1 << 20 && p->adaptation_decay <= 256;
    const bool rule = p->post <= POST_WINNER && p->signal <= SIGNAL_ERROR && p->pre <= PRE_BOUNDED &&
                      (p->signal != SIGNAL_ERROR || (is_output && p->post != POST_WINNER)) &&
                      (p->pre != PRE_ATTRACT || (p->flags & POPULATION_BIAS) == 0);
    const bool rates = p->trace_shift >= -8 && p->trace_shift <= 7 && p->trace_decay <= 256 &&
                       p->rate_shift >= 8 && p->rate_shift <= 28 && p->handicap <= 4095 &&
                       within(p->recruit, (int32_t)1 << 27) && p->delta_margin >= 0 &&
                       p->delta_margin <= (int32_t)1 << 24 &&
                       (p->post == POST_NONE || (p->rates >= 1 && p->rates <= NACA_MAX_RATES));
    return size && weights && range && dynamics && rule && rates;
}

static bool section_is(const uint8_t *data, const char *tag, uint32_t index, bool wanted,
                       uint32_t size)
{
    section_t section;
    const bool found = naca_find_section(data, tag, index, &section);
    return wanted ? found && section.size == size : !found;
}

static naca_status_t check_populations(const uint8_t *data, const uint8_t *records,
                                       const network_t *net)
{
    for (uint32_t i = 0; i < net->populations; i++) {
        population_t p;
        memcpy(&p, records + i * sizeof p, sizeof p);
        if (!population_fits(&p, net, i + 1u == net->populations)) {
            return NACA_ERR_NETWORK;
        }
        const bool plastic = p.post != POST_NONE;
        const bool table = plastic && p.signal == SIGNAL_TABLE;
        const bool curve = (p.flags & POPULATION_CURVE) != 0;
        const uint32_t table_size = (uint32_t)net->capacity * p.neurons;
        if (!section_is(data, "MOD#", i, table, table_size) ||
            !section_is(data, "RAT#", i, plastic, 2u * p.rates) ||
            !section_is(data, "CUR#", i, curve, CURVE_BYTES)) {
            return NACA_ERR_SECTION;
        }
    }
    return NACA_OK;
}

uint32_t naca_feature_count(const preparation_t *prep)
{
    if (prep->spatial == SPATIAL_NONE) {
        return (uint32_t)prep->height * prep->width * prep->channels;
    }
    const uint32_t rows = ((uint32_t)prep->height + prep->cell - 1u) / prep->cell;
    const uint32_t columns = ((uint32_t)prep->width + prep->cell - 1u) / prep->cell;
    return rows * columns * (prep->spatial == SPATIAL_EDGES ? 4u : prep->channels);
}

static naca_status_t check_preparation(const uint8_t *data, const network_t *net,
                                       preparation_t *prep)
{
    section_t section;
    memset(prep, 0, sizeof *prep);
    if (!naca_find_section(data, "PREP", 0, &section)) {
        return NACA_OK;
    }
    if (section.size < sizeof *prep) {
        return NACA_ERR_SECTION;
    }
    memcpy(prep, data + section.offset, sizeof *prep);
    const bool shape = prep->height >= 1 && prep->height <= NACA_MAX_UNITS && prep->width >= 1 &&
                       prep->width <= NACA_MAX_UNITS && prep->channels >= 1 &&
                       prep->channels <= 64 && prep->cell >= 1 &&
                       (uint32_t)prep->cell * prep->cell * prep->channels <= 65536u;
    if (!shape || prep->spatial > SPATIAL_EDGES || prep->flags > 7 || prep->shift > 30 ||
        prep->cap > 32767 || prep->norm > 4095 || naca_feature_count(prep) > NACA_MAX_UNITS ||
        prep->features != naca_feature_count(prep) ||
        net->inputs != (prep->flags & PREP_SIGNED ? 2u : 1u) * prep->features) {
        return NACA_ERR_NETWORK;
    }
    const uint32_t count = prep->flags & PREP_PER_FEATURE ? prep->features : 1u;
    if (section.size != sizeof *prep + 4u * count) {
        return NACA_ERR_SECTION;
    }
    const uint8_t *gains = data + section.offset + sizeof *prep + 2u * count;
    for (uint32_t i = 0; i < count; i++) {
        if (read16(gains + 2u * i) > 16383u) {
            return NACA_ERR_NETWORK;
        }
    }
    return NACA_OK;
}

// Everything but the learned state and what is written for people decides what is computed.
static uint32_t network_id(const uint8_t *data)
{
    const uint32_t count = read16(data + 6);
    uint32_t crc = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = data + HEADER + i * ENTRY;
        if ((read32(entry + 4) & CRITICAL) != 0 && !tag_is(entry, "STAT", 0)) {
            crc = naca_crc32(crc, entry, 4);
            crc = naca_crc32(crc, data + read32(entry + 8), read32(entry + 12));
        }
    }
    return crc;
}

static naca_status_t check_network(const uint8_t *data, network_t *net, preparation_t *prep)
{
    section_t section;
    if (!naca_find_section(data, "NETW", 0, &section) || section.size < sizeof *net) {
        return NACA_ERR_SECTION;
    }
    memcpy(net, data + section.offset, sizeof *net);
    if (net->inputs < 1 || net->inputs > NACA_MAX_UNITS || net->capacity < 1 ||
        net->capacity > NACA_MAX_CLASSES || net->populations < 1 ||
        net->populations > NACA_MAX_POPULATIONS || net->encoder > ENCODER_LATENCY ||
        net->bits < 1 || net->bits > 8 || net->steps < 1 ||
        (net->encoder == ENCODER_BITPLANE && net->steps != net->bits)) {
        return NACA_ERR_NETWORK;
    }
    if (section.size != sizeof *net + net->populations * sizeof(population_t)) {
        return NACA_ERR_SECTION;
    }
    const uint32_t count = read16(data + 6);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = data + HEADER + i * ENTRY;
        const bool critical = (read32(entry + 4) & CRITICAL) != 0;
        // What this core would use must be marked as critical, and the other way round.
        if (critical != is_known(entry, net->populations)) {
            return NACA_ERR_SECTION;
        }
    }
    const naca_status_t status =
        check_populations(data, data + section.offset + sizeof *net, net);
    return status != NACA_OK ? status : check_preparation(data, net, prep);
}

naca_status_t naca_image_open(naca_image_t *image, const void *data, uint32_t size)
{
    network_t net;
    preparation_t prep;
    naca_t core;
    section_t state;
    if (image == NULL || data == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if ((uintptr_t)data % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    naca_status_t status = check_header(data, size);
    if (status == NACA_OK) {
        status = check_table(data, size);
    }
    if (status == NACA_OK) {
        status = check_network(data, &net, &prep);
    }
    if (status != NACA_OK) {
        return status;
    }
    naca_plan(data, &core, NULL);
    if (naca_find_section(data, "STAT", 0, &state) && state.size != core.state_size) {
        return NACA_ERR_SECTION;
    }
    image->data = data;
    image->size = size;
    image->network_id = network_id(data);
    image->inputs = net.inputs;
    image->features = prep.features;
    image->raw_count = (uint32_t)prep.height * prep.width * prep.channels;
    image->capacity = net.capacity;
    image->populations = net.populations;
    image->steps = net.steps;
    return NACA_OK;
}
