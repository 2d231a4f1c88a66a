#include "inhibition.h"

// Section 7.10: a class is forgotten. Its neurons become as new, those of other classes stay as
// they are.

static bool is_own(const naca_t *core, const layer_t *layer, uint32_t neuron, uint32_t label)
{
    const int8_t *row = naca_label_row(core, layer, label); // every population that competes has it
    return row != NULL && row[neuron] > 0;
}

// Whether a population's neurons belong to a class each, of which `label` has some.
static bool has_own(const naca_t *core, const layer_t *layer, uint32_t label)
{
    bool has = false;
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        for (uint32_t other = 0; is_own(core, layer, j, label) && other < core->net.capacity;
             other++) {
            if (other != label && is_own(core, layer, j, other)) {
                return false;
            }
        }
        has = has || is_own(core, layer, j, label);
    }
    return has;
}

// Of one neuron, the weights that it hears by; of one input, those that it is heard by.
static void clear_neuron(naca_t *core, const layer_t *layer, uint32_t neuron)
{
    uint8_t *weights = LEARNED(uint8_t, core, layer->at[WEIGHTS]);
    const uint32_t first = naca_weight_index(layer, neuron, 0);
    for (uint32_t i = 0; i < layer->rows; i++) {
        naca_weight_set(layer, weights, first + i * naca_weight_step(layer, neuron), 0);
    }
    LEARNED(uint16_t, core, layer->at[WINS])[neuron] = 0;
}

static void clear_input(naca_t *core, const layer_t *layer, uint32_t input)
{
    uint8_t *weights = LEARNED(uint8_t, core, layer->at[WEIGHTS]);
    for (uint32_t j = 0; j < layer->p.neurons && layer->p.post != POST_NONE; j++) {
        naca_weight_set(layer, weights, naca_weight_index(layer, j, input), 0);
    }
}

static void clear_prototype(naca_t *core, uint32_t neuron)
{
    const inhibiting_t *v = INHIBITING(core);
    if (core->inhibition != 0 && v->prototypes != 0) {
        memset(LEARNED(int16_t, core, v->prototypes) + neuron * v->r.inputs, 0, 2u * v->r.inputs);
    }
}

naca_status_t naca_forget(naca_t *core, uint32_t label)
{
    if (core == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (label >= core->net.capacity) {
        return NACA_ERR_LABEL;
    }
    if (core->is_frozen != 0) {
        return NACA_ERR_FROZEN;
    }
    const uint32_t hidden = core->net.populations != 0 ? core->net.populations - 1u : 0;
    for (uint32_t i = 0; i < hidden; i++) {
        if (core->layers[i].p.post != POST_WINNER || !has_own(core, &core->layers[i], label)) {
            return NACA_ERR_NETWORK;
        }
    }
    if (hidden == 0) {
        return NACA_ERR_NETWORK;
    }
    for (uint32_t i = 0; i < hidden; i++) {
        const layer_t *layer = &core->layers[i];
        for (uint32_t j = 0; j < layer->p.neurons; j++) {
            naca_tick(core);
            if (is_own(core, layer, j, label)) {
                clear_neuron(core, layer, j);
                clear_input(core, layer + 1, j);
                if (i == 0) {
                    clear_prototype(core, j);
                }
            }
        }
    }
    LEARNED(uint32_t, core, 0)[1u + label] = 0;
    naca_state_written(core);
    return NACA_OK;
}
