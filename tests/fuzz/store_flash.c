#include "store_flash.h"

#include <stdlib.h>
#include <string.h>

void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

uint32_t model_draw(model_t *model)
{
    uint32_t x = model->random | 1u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return model->random = x;
}

static uint32_t fault_at(const model_t *model, uint32_t offset)
{
    return model->faults[offset / model->flash.erase_size];
}

// Change bytes; where the power goes, some of them, then a few of any kind.
static int change(model_t *model, uint32_t offset, const uint8_t *data, uint32_t size)
{
    uint32_t done = size;
    if (model->cut_after == 0) {
        model->is_on = false;
        done = model_draw(model) % (size + 1u);
    }
    model->cut_after -= model->cut_after != NEVER ? 1u : 0u;
    if (data != NULL) {
        memcpy(model->bytes + offset, data, done);
    } else {
        memset(model->bytes + offset, 0xFF, done);
        memset(model->torn + offset, false, done);
    }
    if (model->is_on) {
        return 0;
    }
    const uint32_t unit = model->flash.write_size;
    const uint32_t count = model_draw(model) % 9u;
    for (uint32_t i = done; i < size && i < done + count; i++) {
        model->bytes[offset + i] = (uint8_t)model_draw(model);
    }
    if (model->has_ecc && done < size) {
        const uint32_t first = (offset + done) / unit * unit;
        memset(model->torn + first, true, unit);
    }
    return 5;
}

static int erase(void *user, uint32_t offset)
{
    model_t *model = user;
    const naca_flash_t *flash = &model->flash;
    demand(offset < flash->size && offset % flash->erase_size == 0);
    if (!model->is_on || fault_at(model, offset) == NO_ERASE) {
        return 7;
    }
    return fault_at(model, offset) == STUCK ? 0 : change(model, offset, NULL, flash->erase_size);
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    model_t *model = user;
    const naca_flash_t *flash = &model->flash;
    uint8_t piece[NACA_STORE_PIECE];
    demand(size != 0 && offset < flash->size && size <= flash->size - offset);
    demand((uintptr_t)data % 4u == 0);
    demand(offset / NACA_STORE_PIECE == (offset + size - 1u) / NACA_STORE_PIECE);
    demand(offset % flash->write_size == 0 && size % flash->write_size == 0);
    for (uint32_t i = 0; i < size; i++) {
        demand(model->bytes[offset + i] == 0xFF && !model->torn[offset + i]);
    }
    if (!model->is_on || fault_at(model, offset) == NO_WRITE) {
        return 9;
    }
    memcpy(piece, data, size);
    piece[0] ^= fault_at(model, offset) == LIES ? 0x40 : 0;
    return change(model, offset, piece, size);
}

static int read(void *user, uint32_t offset, void *data, uint32_t size)
{
    const model_t *model = user;
    demand(size != 0 && offset < model->flash.size && size <= model->flash.size - offset);
    demand(offset / NACA_STORE_PIECE == (offset + size - 1u) / NACA_STORE_PIECE);
    bool is_torn = false;
    for (uint32_t i = 0; model->has_ecc && i < size; i++) {
        is_torn |= model->torn[offset + i];
    }
    if (!model->is_on || is_torn || fault_at(model, offset) == NO_READ) {
        return 11;
    }
    memcpy(data, model->bytes + offset, size);
    return 0;
}

void model_make(model_t *model, uint32_t geometry)
{
    static const struct {
        uint16_t size, erase_size, write_size;
    } geometries[GEOMETRIES] = {{2048, 1024, 4}, {4096, 256, 16},  {1408, 128, 8},
                                {2048, 64, 1},   {4096, 1024, 32}, {2304, 256, 64}};
    memset(model, 0, sizeof *model);
    const naca_flash_t flash = {
        model,
        geometries[geometry].size,
        geometries[geometry].erase_size,
        geometries[geometry].write_size,
        erase,
        write,
        read,
    };
    model->flash = flash;
    model->is_on = true;
    model->cut_after = NEVER;
}
