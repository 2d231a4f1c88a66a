#include "internal.h"

// A saved state: "NST1", the network's id, the size of the learned state, its CRC-32, the state.
// docs/image.md, section 5.

enum { MAGIC = 0, NETWORK = 1, SIZE = 2, CHECK = 3 };

uint8_t *naca_state_bytes(naca_t *core, uint32_t *size)
{
    *size = core->state_size;
    return LEARNED(uint8_t, core, 0);
}

naca_status_t naca_state_hash(const naca_t *core, uint32_t *hash)
{
    if (core == NULL || hash == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    *hash = naca_crc32(0, LEARNED_CONST(uint8_t, core, 0), core->state_size);
    return NACA_OK;
}

naca_status_t naca_state_size(const naca_t *core, uint32_t *size)
{
    if (core == NULL || size == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    *size = NACA_STATE_HEADER + core->state_size;
    return NACA_OK;
}

naca_status_t naca_state_save(const naca_t *core, void *buffer, uint32_t size)
{
    uint32_t header[4];
    if (core == NULL || buffer == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (size < NACA_STATE_HEADER + core->state_size) {
        return NACA_ERR_BUFFER;
    }
    header[MAGIC] = NACA_STATE_MAGIC;
    header[NETWORK] = core->network_id;
    header[SIZE] = core->state_size;
    (void)naca_state_hash(core, &header[CHECK]);
    memcpy(buffer, header, sizeof header);
    memcpy((uint8_t *)buffer + NACA_STATE_HEADER, LEARNED_CONST(uint8_t, core, 0),
           core->state_size);
    return NACA_OK;
}

naca_status_t naca_state_load(naca_t *core, const void *buffer, uint32_t size)
{
    uint32_t header[4];
    if (core == NULL || buffer == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (core->is_frozen != 0) {
        return NACA_ERR_FROZEN;
    }
    if (size < NACA_STATE_HEADER) {
        return NACA_ERR_TRUNCATED;
    }
    const uint8_t *state = (const uint8_t *)buffer + NACA_STATE_HEADER;
    memcpy(header, buffer, sizeof header);
    if (header[MAGIC] != NACA_STATE_MAGIC) {
        return NACA_ERR_MAGIC;
    }
    if (header[NETWORK] != core->network_id || header[SIZE] != core->state_size) {
        return NACA_ERR_STATE;
    }
    if (size != NACA_STATE_HEADER + core->state_size) {
        return NACA_ERR_TRUNCATED;
    }
    if (naca_crc32(0, state, core->state_size) != header[CHECK]) {
        return NACA_ERR_CHECKSUM;
    }
    memcpy(LEARNED(uint8_t, core, 0), state, core->state_size);
    naca_state_written(core);
    return NACA_OK;
}
