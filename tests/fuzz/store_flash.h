/// Flash in memory for fuzz_store.c. It keeps the rules of flash and aborts where the store breaks
/// one; power can go in the middle of an operation, and sectors can be bad.

#ifndef NACA_STORE_FLASH_MODEL_H
#define NACA_STORE_FLASH_MODEL_H

#include "naca/store.h"

#include <stdbool.h>

enum { MOST_BYTES = 4096, MOST_SECTORS = 32, NEVER = 0xFFFF };

/// What a sector does wrong: nothing; fails to be erased or written; keeps other bytes; says that
/// it was erased and was not; fails to be read.
typedef enum fault { GOOD, NO_ERASE, NO_WRITE, LIES, STUCK, NO_READ, FAULTS } fault_t;

typedef struct model {
    naca_flash_t flash;
    uint8_t bytes[MOST_BYTES];
    bool torn[MOST_BYTES]; ///< not to be read until it is erased: with error correction only
    uint8_t faults[MOST_SECTORS];
    bool has_ecc;
    bool is_on;
    uint32_t cut_after; ///< operations until the power goes in the middle of one
    uint32_t random;
} model_t;

/// Geometries, by a number below GEOMETRIES.
enum { GEOMETRIES = 6 };
void model_make(model_t *model, uint32_t geometry);
uint32_t model_draw(model_t *model);
void demand(bool condition);

#endif
