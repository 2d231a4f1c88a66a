#include "signal_internal.h"

// docs/image.md, section 3.8. Everything that could go wrong later is refused here.

enum {
    HEAD = sizeof(description_t),
    LEAST_WINDOW = 4, // log2
    LARGEST_WINDOW = 14,
    LEAST_FRAME = 3,
    LARGEST_FRAME = 10,
    MOST_LEVEL = 30,
    FULL_WEIGHT = 32,
    MAP_BYTES = 7
};

static uint32_t round_up(uint32_t bytes)
{
    return (bytes + 3u) & ~3u;
}

static bool numbers_fit(const description_t *d)
{
    static const uint8_t none[sizeof d->reserved] = {0};
    if (memcmp(d->reserved, none, sizeof none) != 0 || d->flags > SIGNAL_REAL) {
        return false;
    }
    if (d->channels < 1 || d->channels > NACA_MAX_CHANNELS || d->magnitudes > NACA_MAX_MAGNITUDES ||
        d->window < LEAST_WINDOW || d->window > LARGEST_WINDOW || d->decimation > d->window ||
        d->hop < 1 || d->rate < 1) {
        return false;
    }
    const bool decides = d->votes <= NACA_MAX_VOTES && d->quorum <= d->votes &&
                         (d->votes != 0 ? d->quorum >= 1 : d->rest == 0);
    if (!decides) {
        return false;
    }
    if (d->bands == 0) { // nothing of what follows is looked at
        return true;
    }
    return d->frame >= LEAST_FRAME && d->frame <= LARGEST_FRAME && d->frame <= d->window &&
           d->frames >= 1 && d->frames <= NACA_MAX_FRAMES && d->bands <= NACA_MAX_BANDS &&
           d->level <= MOST_LEVEL && d->first_bin >= 1 && d->bins >= 1 &&
           (uint32_t)d->first_bin + d->bins <= (uint32_t)1 << (d->frame - 1u);
}

static bool bins_fit(const layout_t *layout)
{
    for (uint32_t i = 0; i < layout->d.bins; i++) {
        const bin_t *bin = &layout->bins[i];
        if (bin->slot > layout->d.bands || bin->down + bin->up > FULL_WEIGHT) {
            return false;
        }
    }
    return true;
}

static bool axes_fit(const layout_t *layout)
{
    for (uint32_t i = 0; i < layout->d.magnitudes; i++) {
        const uint8_t *axes = layout->axes + AXES * i;
        for (uint32_t k = 0; k < AXES; k++) {
            if (axes[k] >= layout->d.channels && (axes[k] != NO_AXIS || k == 0)) {
                return false;
            }
        }
    }
    return true;
}

// Numbers that are made of a window; 0 where a channel asks for what the description lacks.
static uint32_t count_features(const layout_t *layout)
{
    const description_t *d = &layout->d;
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)d->channels + d->magnitudes; i++) {
        const uint32_t blocks = layout->blocks[i];
        for (uint32_t statistic = BLOCK_MEAN; statistic < BLOCK_BANDS; statistic <<= 1) {
            count += (blocks & statistic) != 0 ? 1u : 0;
        }
        if ((blocks & BLOCK_BANDS) != 0) {
            if (d->bands == 0) {
                return 0;
            }
            count += (uint32_t)d->bands * d->frames;
        }
        if ((blocks & BLOCK_DECIMATED) != 0) {
            count += (uint32_t)1 << (d->window - d->decimation);
        }
    }
    return count;
}

uint32_t naca_signal_lay_out(const void *section, layout_t *layout)
{
    description_t *d = &layout->d;
    const uint8_t *bytes = section;
    layout->section = section;
    memcpy(d, section, HEAD);
    const uint32_t axes = (uint32_t)HEAD + d->channels + d->magnitudes;
    const uint32_t bins = axes + AXES * (uint32_t)d->magnitudes;
    const uint32_t maps = round_up(bins + (uint32_t)sizeof(bin_t) * d->bins);
    const uint32_t real = d->flags & SIGNAL_REAL ? d->channels : 0;
    layout->blocks = bytes + HEAD;
    layout->axes = bytes + axes;
    layout->bins = (const bin_t *)(const void *)(bytes + bins);
    layout->maps = naca_maps_at(bytes + maps, real);
    return maps + MAP_BYTES * real;
}

naca_status_t naca_signal_read(const naca_image_t *image, layout_t *layout)
{
    const void *section;
    uint32_t size;
    const naca_status_t status = naca_section(image, "SGNL", &section, &size);
    if (status != NACA_OK) {
        return status;
    }
    if (size < HEAD || size != naca_signal_lay_out(section, layout)) {
        return NACA_ERR_NETWORK;
    }
    const description_t *d = &layout->d;
    const bool fits = numbers_fit(d) && bins_fit(layout) && axes_fit(layout) && d->features != 0 &&
                      d->features == count_features(layout) && d->features == image->raw_count;
    return fits ? NACA_OK : NACA_ERR_NETWORK;
}
