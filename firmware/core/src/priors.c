#include "internal.h"

// Section 7.7: what neurons are worth before a sample comes. A neuron that owns little of its class
// is worth less, one of a class that has learned little is worth more.

enum { MEAN_OVER = 1024, FACTOR_BITS = 17 };
enum { LOGARITHM, RARITY };         // of a class, at at[CLASSES]
enum { RECRUITED, WON };            // the same places before that
enum { NO_OWNER = NACA_MAX_UNITS }; // not below the capacity

void naca_find_owners(naca_t *core, layer_t *layer)
{
    uint16_t *owners = AT(uint16_t, core, layer->at[OWNERS]);
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        owners[j] = NO_OWNER;
    }
    for (uint32_t label = core->net.capacity; label-- != 0;) {
        const int8_t *row = IN_IMAGE(int8_t, core, layer->table + label * layer->p.neurons);
        naca_tick(core);
        for (uint32_t j = 0; j < layer->p.neurons; j++) {
            if (row[j] > 0) {
                owners[j] = (uint16_t)label;
            }
        }
    }
}

// Recruited neurons and their wins, class by class.
static void count_classes(naca_t *core, const layer_t *layer)
{
    const uint16_t *owners = AT_CONST(uint16_t, core, layer->at[OWNERS]);
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, layer->at[WINS]);
    uint32_t *classes = AT(uint32_t, core, layer->at[CLASSES]);
    memset(classes, 0, 8u * core->net.capacity);
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        if (wins[j] != 0 && owners[j] != NO_OWNER) {
            classes[2u * owners[j] + RECRUITED]++;
            classes[2u * owners[j] + WON] += wins[j];
        }
    }
}

// In 256ths, of 1 and more.
static int32_t logarithm(uint32_t x)
{
    return naca_signed_log((int32_t)x - 1);
}

// What all neurons of a class have in common, in place of the counts.
static void weigh_classes(naca_t *core, const layer_t *layer)
{
    const uint32_t *means = LEARNED_CONST(uint32_t, core, layer->at[MEANS]);
    uint32_t *classes = AT(uint32_t, core, layer->at[CLASSES]);
    const uint32_t mean = means[DISTANCE] < LARGEST_MEAN ? means[DISTANCE] : LARGEST_MEAN;
    const uint32_t distance = mean * layer->p.rarity;
    for (uint32_t c = 0; c < core->net.capacity; c++) {
        const uint32_t count = classes[2u * c + RECRUITED];
        const uint32_t won = classes[2u * c + WON];
        if (count != 0) {
            const int32_t share = logarithm(count) - logarithm(won);
            classes[2u * c + LOGARITHM] = (uint32_t)share;
            classes[2u * c + RARITY] = distance / won * count >> 8;
        }
    }
}

void naca_renew_priors(naca_t *core, layer_t *layer)
{
    const uint16_t *owners = AT_CONST(uint16_t, core, layer->at[OWNERS]);
    const uint16_t *wins = LEARNED_CONST(uint16_t, core, layer->at[WINS]);
    const uint32_t *means = LEARNED_CONST(uint32_t, core, layer->at[MEANS]);
    const uint32_t *classes = AT_CONST(uint32_t, core, layer->at[CLASSES]);
    int32_t *priors = AT(int32_t, core, layer->at[PRIORS]);
    const uint32_t gap = means[GAP] < LARGEST_MEAN ? means[GAP] : LARGEST_MEAN;
    const uint32_t unit = gap * layer->p.share;
    const uint32_t bits = naca_bit_length(unit);
    const uint32_t coarse = bits > FACTOR_BITS ? bits - FACTOR_BITS : 0;
    const int32_t factor = (int32_t)(unit >> coarse);
    count_classes(core, layer);
    weigh_classes(core, layer);
    for (uint32_t j = 0; j < layer->p.neurons; j++) {
        priors[j] = 0;
        if (wins[j] != 0 && owners[j] != NO_OWNER) {
            const uint32_t *of_class = classes + 2u * owners[j];
            const int32_t share = logarithm(wins[j]) + (int32_t)of_class[LOGARITHM];
            priors[j] = shift_down(factor * share, 16u - coarse) + (int32_t)of_class[RARITY];
        }
    }
}

static void approach(uint32_t *mean, uint32_t value, uint32_t over)
{
    if (value > *mean) {
        *mean += (value - *mean) / over;
    } else {
        *mean -= (*mean - value) / over;
    }
}

void naca_learn_priors(naca_t *core, layer_t *layer)
{
    uint32_t *means = LEARNED(uint32_t, core, layer->at[MEANS]);
    const uint32_t learned = LEARNED_CONST(uint32_t, core, 0)[0];
    const uint32_t least = learned > 1u ? learned : 1u;
    const uint32_t over = least < MEAN_OVER ? least : MEAN_OVER;
    if (layer->measured == GAP_AND_DISTANCE) {
        approach(&means[GAP], layer->gap, over);
    }
    if (layer->measured != NOTHING) {
        approach(&means[DISTANCE], layer->distance, over);
    }
    naca_renew_priors(core, layer);
}
