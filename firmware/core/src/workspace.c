#include "inhibition.h"

// The one place that knows where everything lies: sizing and setting up are the same code.

static uint32_t image_offset(const uint8_t *image, uint32_t tag)
{
    return naca_find_section(image, tag)->offset;
}

// A bit-plane code with its own leak is its own trace (docs/arithmetic.md, section 5.1).
static bool code_is_trace(const naca_t *core, const population_t *p)
{
    const network_t *net = &core->net;
    return core->stage_count == core->coded_count && net->encoder == ENCODER_BITPLANE &&
           p->trace_decay == 128 && p->trace_increment == 1u << (net->bits - 1u);
}

static uint32_t round_up(uint32_t bytes, uint32_t to)
{
    return (bytes + to - 1u) & ~(to - 1u);
}

uint32_t naca_reserve(uint32_t bytes, uint32_t *end)
{
    const uint32_t at = *end;
    *end += round_up(bytes, 4);
    return at;
}

static void sizes_of(const naca_t *core, const layer_t *layer, uint32_t index,
                     uint32_t sizes[PLACES])
{
    const population_t *p = &layer->p;
    const bool is_plastic = p->post != POST_NONE;
    const bool has_trace = is_plastic && p->pre == PRE_ATTRACT;
    const bool has_priors = p->share != 0 || p->rarity != 0 || p->drift != 0;
    const uint32_t n = p->neurons;
    memset(sizes, 0, PLACES * sizeof *sizes);
    sizes[WEIGHTS] = naca_weight_bytes(layer);
    sizes[WINS] = p->post == POST_WINNER ? 2u * n : 0;
    sizes[NORMS] = p->flags & POPULATION_NORM_THRESHOLD ? 4u * n : 0;
    sizes[MEANS] = has_priors ? 8u : 0;
    sizes[RESIDUALS] = p->drift != 0 ? 4u * layer->rows : 0;
    sizes[OFFSET] = p->drift != 0 ? layer->rows : 0;
    sizes[PRODUCTS] = p->drift != 0 ? 4u * n : 0;
    sizes[PRIORS] = has_priors ? 4u * n : 0;
    const bool knows_owners = has_priors || p->unknown != 0;
    sizes[OWNERS] = knows_owners ? 2u * n : 0;
    sizes[CLASSES] = knows_owners ? 8u * core->net.capacity : 0;
    sizes[POTENTIALS] = 4u * n;
    sizes[ADAPTATION] = p->adaptation != 0 ? 4u * n : 0;
    sizes[REFRACTORY] = p->refractory != 0 ? n : 0;
    sizes[POST] = p->post == POST_DELTA ? n : 0;
    sizes[SLOPES] = is_plastic && layer->curve != 0 ? n : 0;
    sizes[COUNTS] = index + 1u == core->net.populations ? n : 0;
    sizes[TRACES] = has_trace && !(index == 0 && code_is_trace(core, p)) ? layer->rows : 0;
    // One more than can spike: room for the next population's bias.
    sizes[SPIKES] = 2u * ((p->winners != 0 ? p->winners : n) + 1u);
    sizes[RANKED] = 2u * p->ranks;
}

// Give the places `from` .. `to` what they need, from *end on.
static void lay_out(layer_t *layer, const uint32_t sizes[PLACES], uint32_t from, uint32_t to,
                    uint32_t *end)
{
    for (uint32_t k = from; k <= to; k++) {
        const uint32_t at = naca_reserve(sizes[k], end);
        layer->at[k] = sizes[k] != 0 ? at : 0;
    }
}

static void read_layer(const naca_t *core, const uint8_t *records, uint32_t index, uint32_t before,
                       layer_t *layer)
{
    const uint8_t *image = core->image.at;
    memset(layer, 0, sizeof *layer);
    memcpy(&layer->p, records + index * sizeof layer->p, sizeof layer->p);
    layer->rows = before + (layer->p.flags & POPULATION_BIAS ? 1u : 0u);
    layer->padded = round_up(layer->p.neurons, 4);
    layer->table = image_offset(image, TAG_TABLE(index));
    layer->rate_table = image_offset(image, TAG_RATES(index));
    layer->levels = image_offset(image, TAG_LEVELS(index));
    layer->curve = layer->p.flags & POPULATION_CURVE ? image_offset(image, TAG_CURVE(index)) : 0;
}

// What lies between a sample and the first population.
static void plan_input(naca_t *core, bool is_real, uint32_t *end)
{
    const uint32_t inputs = core->net.inputs;
    core->code_bits = core->net.bits;
    core->codes = naca_reserve(inputs, end);
    core->encoder_codes = core->codes;
    core->encoded = inputs;
    core->arriving = inputs;
    if (core->stages.at != NULL) {
        core->stages.at->plan(core, is_real, end);
        if (image_offset(core->image.at, TAG_INHIBITION) != 0) {
            core->stages.at->inhibition->plan(core, is_real, end);
        }
    }
    // Room for all features while a sample is prepared, and for the first population's bias.
    const uint32_t most = core->encoded > inputs ? core->encoded : inputs;
    core->spikes = naca_reserve(2u * (most + 1u), end);
    core->arrived = core->arrived != 0 ? core->arrived : core->spikes;
}

void naca_plan(const naca_image_t *image, naca_t *core, bool is_real, bool is_frozen)
{
    memset(core, 0, sizeof *core);
    core->image.at = image->data;
    core->stages.at = image->code;
    const uint32_t prep = image_offset(image->data, TAG_PREPARATION);
    if (prep != 0) {
        memcpy(&core->prep, image->data + prep, sizeof core->prep);
        core->prep_arrays = prep + (uint32_t)sizeof core->prep;
    }
    const uint32_t net = image_offset(image->data, TAG_NETWORK);
    memcpy(&core->net, image->data + net, sizeof core->net);
    const uint8_t *records = image->data + net + sizeof core->net;
    const uint32_t count = core->net.populations;
    uint32_t end = (uint32_t)(sizeof *core + count * sizeof(layer_t));
    plan_input(core, is_real, &end);
    const uint32_t state = end;
    uint32_t scratch = 0;
    // The learned state lies in one piece, so scratch has to wait until its end is known.
    for (uint32_t pass = 0; pass < 2u; pass++) {
        // The samples learned, and those of each class.
        uint32_t learned = 4u + 4u * core->net.capacity;
        uint32_t before = core->arriving;
        core->units = core->stage_units;
        for (uint32_t i = 0; i < count; i++) {
            layer_t layer;
            uint32_t sizes[PLACES];
            read_layer(core, records, i, before, &layer);
            sizes_of(core, &layer, i, sizes);
            lay_out(&layer, sizes, WEIGHTS, OFFSET, &learned);
            lay_out(&layer, sizes, NORMS, RANKED, &scratch);
            if (layer.at[TRACES] == 0) {
                layer.at[TRACES] = core->encoder_codes;
            }
            before = layer.p.neurons;
            core->units += before;
            core->counts = layer.at[COUNTS];
            core->potentials = layer.at[POTENTIALS];
            if (is_real) {
                core->layers[i] = layer;
            }
        }
        if (core->inhibition != 0) {
            core->stages.at->inhibition->plan_state(core, is_real, &learned);
        }
        if (pass == 0) {
            core->state_size = learned;
            scratch = is_frozen ? state : state + learned;
        }
    }
    core->size = round_up(scratch, NACA_ALIGNMENT);
    core->is_frozen = is_frozen ? 1u : 0;
    if (is_frozen) {
        core->learned.frozen = image->data + image_offset(image->data, TAG_STATE);
    } else if (is_real) {
        core->learned.at = AT(uint8_t, core, state);
    }
}

static naca_status_t find_size(const naca_image_t *image, bool is_frozen, uint32_t *size)
{
    naca_t core;
    if (image == NULL || image->data == NULL || size == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (is_frozen && image_offset(image->data, TAG_STATE) == 0) {
        return NACA_ERR_STATE;
    }
    naca_plan(image, &core, false, is_frozen);
    *size = core.size;
    return NACA_OK;
}

naca_status_t naca_workspace_size(const naca_image_t *image, uint32_t *size)
{
    return find_size(image, false, size);
}

naca_status_t naca_frozen_size(const naca_image_t *image, uint32_t *size)
{
    return find_size(image, true, size);
}

// All that depends on it are the squared norms of each neuron's weights, what an offset makes of
// them, and priors.
void naca_state_written(naca_t *core)
{
    for (uint32_t i = 0; i < core->net.populations; i++) {
        layer_t *layer = &core->layers[i];
        const uint8_t *weights = LEARNED(uint8_t, core, layer->at[WEIGHTS]);
        for (uint32_t j = 0; layer->at[NORMS] != 0 && j < layer->p.neurons; j++) {
            uint32_t norm = 0;
            naca_tick(core);
            for (uint32_t k = 0; k < layer->rows; k++) {
                const int32_t w = naca_weight_get(layer, weights, naca_weight_index(layer, j, k));
                norm += (uint32_t)(w * w);
            }
            AT(uint32_t, core, layer->at[NORMS])[j] = norm;
        }
        if (layer->at[OFFSET] != 0) {
            naca_find_context(core, layer);
        }
        if (layer->at[PRIORS] != 0) {
            naca_renew_priors(core, layer);
        }
    }
}

// The learned state of the image or, where it has none, as new.
static void fill_state(const naca_image_t *image, naca_t *core)
{
    const uint32_t state = image_offset(image->data, TAG_STATE);
    if (state != 0) {
        memcpy(core->learned.at, image->data + state, core->state_size);
        return;
    }
    for (uint32_t i = 0; i < core->net.populations; i++) { // every weight is 0
        const layer_t *layer = &core->layers[i];
        // Pairs of 4 bits, or half of the bytes that are 0 already.
        const uint32_t pairs = layer->rows * layer->padded / 2u;
        memset(LEARNED(uint8_t, core, layer->at[WEIGHTS]), layer->p.zero_point * 17, pairs);
    }
}

static naca_status_t set_up(const naca_image_t *image, bool is_frozen, void *workspace,
                            uint32_t size, naca_t **core)
{
    uint32_t needed;
    if (workspace == NULL || core == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    const naca_status_t status = find_size(image, is_frozen, &needed);
    if (status != NACA_OK) {
        return status;
    }
    if ((uintptr_t)workspace % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    if (size < needed) {
        return NACA_ERR_WORKSPACE;
    }
    naca_t *made = workspace;
    memset(workspace, 0, needed);
    naca_plan(image, made, true, is_frozen);
    made->network_id = image->network_id;
    if (!is_frozen) {
        fill_state(image, made);
    }
    for (uint32_t i = 0; i < made->net.populations; i++) {
        if (made->layers[i].at[OWNERS] != 0) {
            naca_find_owners(made, &made->layers[i]);
        }
    }
    naca_state_written(made);
    *core = made;
    return NACA_OK;
}

naca_status_t naca_init(const naca_image_t *image, void *workspace, uint32_t size, naca_t **core)
{
    return set_up(image, false, workspace, size, core);
}

naca_status_t naca_init_frozen(const naca_image_t *image, void *workspace, uint32_t size,
                               naca_t **core)
{
    return set_up(image, true, workspace, size, core);
}
