/// What other parts of edge-naca use of the core, beside its interface in naca.h: pieces of its
/// arithmetic (docs/arithmetic.md), and where an image keeps what the core does not look at.
/// Programs need none of it.

#ifndef NACA_ARITHMETIC_H
#define NACA_ARITHMETIC_H

#include "naca/naca.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How many bits x has: 0 for 0.
uint32_t naca_bit_length(uint32_t x);

/// The binary logarithm of |x| + 1 with 8 fractional bits, linear between powers of two, with the
/// sign of x (section 3).
int32_t naca_signed_log(int32_t x);

/// The largest integer whose square is not above x.
uint32_t naca_square_root(uint32_t x);

/// Affine maps from real numbers to integers (section 3, step 0), as they lie in an image.
typedef struct naca_maps {
    const int32_t *addends;
    const int16_t *factors; ///< above -32768
    const int8_t *exponents;
} naca_maps_t;

/// `count` of them at `data`, aligned to 4: addends, factors, exponents.
naca_maps_t naca_maps_at(const void *data, uint32_t count);

/// What map number `map` makes of a real number, binary32 at any address, or of an integer, which
/// is taken for the nearest real number. Within INT32_MAX of 0.
int32_t naca_map_real(const naca_maps_t *maps, uint32_t map, const void *real);
int32_t naca_map_integer(const naca_maps_t *maps, uint32_t map, int32_t x);

/// Whether none of `count` real numbers is infinite or no number.
int naca_are_finite(const void *reals, uint32_t count);

/// Find a critical section by its tag, four letters, in an opened image.
/// NACA_ERR_ARGUMENT, also for an image that was refused; NACA_ERR_SECTION where there is none.
naca_status_t naca_section(const naca_image_t *image, const char *tag, const void **data,
                           uint32_t *size);

#ifdef __cplusplus
}
#endif

#endif
