// What the signal's files share. Section numbers in comments point to docs/arithmetic.md.
// description.c has checked everything that the image says before anything else reads it.

#ifndef NACA_SIGNAL_INTERNAL_H
#define NACA_SIGNAL_INTERNAL_H

#include "naca/arithmetic.h"
#include "naca/signal.h"

#include <stdbool.h>
#include <string.h>

enum { AXES = 3, NO_AXIS = 255 };

// Section SGNL begins with this.
typedef struct description {
    uint8_t channels;
    uint8_t magnitudes;
    uint8_t window;     // log2 of samples, as of the next two
    uint8_t frame;      // that a spectrum is taken of
    uint8_t decimation; // that one mean is taken of
    uint8_t frames;
    uint8_t bands;
    uint8_t level; // octaves below the loudest band that are told apart; 0 for no levelling
    uint32_t rate;
    uint32_t hop;
    uint16_t first_bin;
    uint16_t bins;
    uint16_t features;
    uint8_t flags;
    uint8_t votes;  // answers that a decision looks at; 0 where every answer is one
    uint8_t quorum; // how many of them have to be the same
    uint8_t rest;   // windows behind a decision in which there is none
    uint8_t reserved[2];
} description_t;

enum { SIGNAL_REAL = 1 }; // flags

// What is made of a channel, in this order.
enum {
    BLOCK_MEAN = 1,
    BLOCK_DEVIATION = 2,
    BLOCK_LEAST = 4,
    BLOCK_GREATEST = 8,
    BLOCK_CHANGE = 16, // mean absolute difference of neighbours
    BLOCK_CROSSINGS = 32,
    BLOCK_BANDS = 64,
    BLOCK_DECIMATED = 128
};

// How much of one bin's power goes where: 32nds, to a band and to the one above it. Slot 0 and the
// last one lie outside of all bands.
typedef struct bin {
    uint8_t slot;
    uint8_t down;
    uint8_t up;
} bin_t;

// The description, and what follows it in the image.
typedef struct layout {
    const void *section;
    description_t d;
    const uint8_t *blocks; // u8[channels + magnitudes]
    const uint8_t *axes;   // u8[magnitudes][AXES]: channels, NO_AXIS for none
    const bin_t *bins;
    naca_maps_t maps; // of each channel, where samples may be real numbers
} layout_t;

// A channel of a window: a sensor's, or a magnitude.
typedef struct channel {
    const int16_t *at;
    uint32_t stride;
} channel_t;

static inline int32_t sample_of(channel_t channel, uint32_t at)
{
    return channel.at[at * channel.stride];
}

// Shift right, rounding down: the core says that compilers do so (its internal.h).
static inline int32_t shift_down(int32_t x, uint32_t shift)
{
    return x >> shift;
}

// Within what an int16 holds.
static inline int16_t limited(int32_t x)
{
    const int32_t most = x > INT16_MAX ? INT16_MAX : x;
    return (int16_t)(most < INT16_MIN ? INT16_MIN : most);
}

// ---- description.c ------------------------------------------------------------------------------

// Check what an image says of its signal. Statuses of naca_signal_facts.
naca_status_t naca_signal_read(const naca_image_t *image, layout_t *layout);

// Find one's way in a section: where what follows the record lies. Returns the size that the
// section then has. Of one that was not checked, nothing but the record may be read.
uint32_t naca_signal_lay_out(const void *section, layout_t *layout);

// ---- statistics.c -------------------------------------------------------------------------------

// What a channel's numbers come to.
typedef struct sums {
    int32_t sum;
    uint64_t squares;
    int32_t least;
    int32_t greatest;
} sums_t;

// Of 2^lg samples.
sums_t naca_sums(channel_t channel, uint32_t lg);

// Append the statistics that `blocks` names of a channel of 2^lg samples; returns where to go on.
int16_t *naca_statistics(channel_t channel, const sums_t *sums, uint32_t lg, uint32_t blocks,
                         int16_t *out);

// Append means of 2^lg samples each.
int16_t *naca_decimated(channel_t channel, uint32_t window, uint32_t lg, int16_t *out);

// ---- spectrum.c ---------------------------------------------------------------------------------

// Where a spectrum is worked out.
typedef struct scratch {
    int16_t *frame;  // [2^frame]
    uint32_t *power; // [bands + 2]
    int32_t *sums;   // [frames]
    naca_progress_t progress;
    void *user;
} scratch_t;

// Call the progress function, if there is one.
void naca_signal_tick(const scratch_t *scratch);

// Append the bands of a channel, frame after frame. `sums` are those of the whole window.
int16_t *naca_bands(const layout_t *layout, channel_t channel, const sums_t *sums,
                    const scratch_t *scratch, int16_t *out);

// ---- frame.c ------------------------------------------------------------------------------------

// What brings the numbers of a frame to a common exponent, their mean taken off: they are
// multiplied, this is added, and both together shifted right. What leaves 32 bits on the way comes
// back.
typedef struct levelling {
    uint32_t factor;
    uint32_t offset;
    uint32_t down;
} levelling_t;

// Level the numbers of a frame, and multiply them by the window. Pairs of them are put where the
// transform wants them, in the order of their reversed bits.
void naca_fill(channel_t frame, uint32_t lg, const levelling_t *levelling, int16_t *z);

// ---- turning.c ----------------------------------------------------------------------------------

enum { NACA_HALF_TURN = 512 }; // steps that half a turn has

// 32767 times the cosine, rounded, of the first quarter of a turn.
extern const int16_t naca_cosines[NACA_HALF_TURN / 2 + 1];

// The steps of a Fourier transform for half = 1 and 2, up to `end`.
void naca_turn_fours(int16_t *z, const int16_t *end);

// A step for one group of a larger half; returns where the next group begins.
int16_t *naca_turn(int16_t *z, uint32_t half);

// Add the power of a real frame's bins, from the transform of its pairs, to the slots that the
// image names.
void naca_add_powers(const layout_t *layout, const int16_t *z, uint32_t *slots);

#endif
