/// Records of the store (docs/store.md) with right checksums, for fuzz_store.c.

#ifndef NACA_STORE_MEND_H
#define NACA_STORE_MEND_H

#include "naca/store.h"

#include <stddef.h>

/// The input: a byte for the geometry, one for these flags, one that random numbers start from,
/// then where HOSTILE is set what the memory holds.
enum { HOSTILE = 1, WITH_ECC = 2, INPUT_HEAD = 3 };

/// What saves begin at a multiple of, and where the first one may begin in a sector.
uint32_t store_unit(const naca_flash_t *flash);
uint32_t store_start(const naca_flash_t *flash);

/// Write records into a block of `size` bytes, all that a save consists of, for the sector, offset
/// and sequence at which they might be looked for. `where` says where they go.
void forge(uint8_t *block, uint32_t size, uint32_t where, const naca_flash_t *flash,
           uint32_t sequence, uint32_t generation);

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
