#include "internal.h"

// The one place that knows where everything lies: sizing and setting up are the same code.

static uint32_t take(uint32_t *at, uint32_t bytes)
{
    const uint32_t here = *at;
    *at += (bytes + 3u) & ~3u;
    return here;
}

static uint32_t take_if(bool wanted, uint32_t *at, uint32_t bytes)
{
    return wanted ? take(at, bytes) : 0;
}

static uint32_t image_offset(const uint8_t *image, const char *tag, uint32_t index)
{
    section_t section;
    return naca_find_section(image, tag, index, &section) ? section.offset : 0;
}

// A bit-plane code with its own leak is its own trace (docs/arithmetic.md, section 6).
static bool code_is_trace(const network_t *net, const population_t *p)
{
    return net->encoder == ENCODER_BITPLANE && p->trace_decay == 128 &&
           p->trace_increment == 1u << (net->bits - 1u);
}

// What lasts: weights, and how often each neuron has won.
static void plan_learned(layer_t *layer, uint32_t *at)
{
    layer->weights = take(at, naca_weight_bytes(layer));
    layer->wins = take_if(layer->p.post == POST_WINNER, at, 2u * layer->p.neurons);
}

// What is made anew in every presentation. All that must be zero at its start lies between the
// potentials and the spikes (run.c).
static void plan_scratch(const naca_t *core, layer_t *layer, uint32_t index, uint32_t *at)
{
    const population_t *p = &layer->p;
    const bool is_plastic = p->post != POST_NONE;
    const bool is_output = index + 1u == core->net.populations;
    const uint32_t n = p->neurons;
    layer->norms = take_if((p->flags & POPULATION_NORM_THRESHOLD) != 0, at, 4u * n);
    layer->potentials = take(at, 4u * n);
    layer->thresholds_added = take_if(p->adaptation != 0, at, 4u * n);
    layer->refractory = take_if(p->refractory != 0, at, n);
    layer->post = take_if(p->post == POST_DELTA, at, n);
    layer->slopes = take_if((p->flags & POPULATION_CURVE) != 0 && is_plastic, at, n);
    layer->counts = take_if(is_output, at, n);
    if (p->pre == PRE_ATTRACT && is_plastic) {
        const bool shared = index == 0 && code_is_trace(&core->net, p);
        layer->traces = shared ? core->codes : take(at, layer->rows);
    }
    // One more than can spike: room for the next population's bias.
    layer->spikes = take(at, 2u * ((p->winners != 0 ? p->winners : n) + 1u));
}

static void read_layer(const naca_t *core, uint32_t index, uint32_t before, layer_t *layer)
{
    section_t section = {0, 0};
    const uint8_t *image = core->image.data;
    memset(layer, 0, sizeof *layer);
    (void)naca_find_section(image, "NETW", 0, &section);
    memcpy(&layer->p, image + section.offset + sizeof(network_t) + index * sizeof layer->p,
           sizeof layer->p);
    layer->rows = before + (layer->p.flags & POPULATION_BIAS ? 1u : 0u);
    layer->padded = (layer->p.neurons + 3u) & ~3u;
    layer->table = image_offset(image, "MOD#", index);
    layer->rate_table = image_offset(image, "RAT#", index);
    layer->curve = image_offset(image, "CUR#", index);
}

void naca_plan(const uint8_t *image, naca_t *core, layer_t *layers)
{
    section_t section = {0, 0};
    layer_t layer;
    memset(core, 0, sizeof *core);
    core->image.data = image;
    (void)naca_find_section(image, "NETW", 0, &section);
    memcpy(&core->net, image + section.offset, sizeof core->net);
    if (naca_find_section(image, "PREP", 0, &section)) {
        memcpy(&core->prep, image + section.offset, sizeof core->prep);
        core->prep_arrays = section.offset + (uint32_t)sizeof core->prep;
    }

    const uint32_t count = core->net.populations;
    core->state = (uint32_t)(sizeof *core + count * sizeof layer);
    uint32_t learned = core->state;
    (void)take(&learned, 4u + 4u * core->net.capacity); // samples learned, and those of each class
    uint32_t at = learned;
    uint32_t before = core->net.inputs;
    for (uint32_t i = 0; i < count; i++) {
        read_layer(core, i, before, &layer);
        plan_learned(&layer, &at);
        before = layer.p.neurons;
    }
    core->state_size = at - core->state;
    core->codes = take(&at, core->net.inputs);
    core->spikes = take(&at, 2u * (core->net.inputs + 1u));
    before = core->net.inputs;
    for (uint32_t i = 0; i < count; i++) {
        read_layer(core, i, before, &layer);
        plan_learned(&layer, &learned);
        plan_scratch(core, &layer, i, &at);
        before = layer.p.neurons;
        if (layers != NULL) {
            layers[i] = layer;
        }
    }
    core->size = (at + NACA_ALIGNMENT - 1u) & ~(uint32_t)(NACA_ALIGNMENT - 1);
}

naca_status_t naca_workspace_size(const naca_image_t *image, uint32_t *size)
{
    naca_t core;
    if (image == NULL || image->data == NULL || size == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    naca_plan(image->data, &core, NULL);
    *size = core.size;
    return NACA_OK;
}

void naca_refresh_norms(naca_t *core)
{
    for (uint32_t i = 0; i < core->net.populations; i++) {
        layer_t *layer = &core->layers[i];
        const uint8_t *weights = AT(uint8_t, core, layer->weights);
        for (uint32_t j = 0; layer->norms != 0 && j < layer->p.neurons; j++) {
            uint32_t norm = 0;
            for (uint32_t k = 0; k < layer->rows; k++) {
                const int32_t w = naca_weight_get(layer, weights, naca_weight_index(layer, j, k));
                norm += (uint32_t)(w * w);
            }
            AT(uint32_t, core, layer->norms)[j] = norm;
        }
    }
}

naca_status_t naca_init(const naca_image_t *image, void *workspace, uint32_t size, naca_t **core)
{
    naca_t planned;
    section_t state;
    if (image == NULL || image->data == NULL || workspace == NULL || core == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if ((uintptr_t)workspace % NACA_ALIGNMENT != 0) {
        return NACA_ERR_ALIGNMENT;
    }
    naca_plan(image->data, &planned, NULL);
    if (size < planned.size) {
        return NACA_ERR_WORKSPACE;
    }
    naca_t *made = workspace;
    memset(workspace, 0, planned.size);
    naca_plan(image->data, made, made->layers);
    made->network_id = image->network_id;
    if (naca_find_section(image->data, "STAT", 0, &state)) {
        memcpy(AT(uint8_t, made, made->state), image->data + state.offset, state.size);
    } else {
        for (uint32_t i = 0; i < made->net.populations; i++) { // every weight is 0
            const layer_t *layer = &made->layers[i];
            const uint32_t pairs = layer->p.weight_bits == 4 ? layer->rows * layer->padded / 2u : 0;
            memset(AT(uint8_t, made, layer->weights), layer->p.zero_point * 17, pairs);
        }
    }
    naca_refresh_norms(made);
    *core = made;
    return NACA_OK;
}
