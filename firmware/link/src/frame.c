#include "internal.h"

// Section 1: from bytes to frames and back.

uint32_t naca_link_max_payload(uint32_t frame_size)
{
    // COBS adds a byte to every 254, and one.
    const uint32_t payload = frame_size - (frame_size + 254u) / 255u - NACA_LINK_CRC;
    return payload < UINT16_MAX ? payload : UINT16_MAX;
}

void naca_link_put(naca_link_t *link, const void *data, uint32_t size)
{
    memcpy(link->config->answer + link->answered, data, size);
    link->answered += size;
}

void naca_link_put16(naca_link_t *link, uint32_t value)
{
    const uint16_t half = (uint16_t)value;
    naca_link_put(link, &half, sizeof half);
}

void naca_link_put32(naca_link_t *link, uint32_t value)
{
    naca_link_put(link, &value, sizeof value);
}

naca_link_status_t naca_link_refuse(naca_link_t *link, naca_link_status_t status, uint32_t value)
{
    naca_link_put32(link, value);
    return status;
}

uint8_t *naca_link_window(naca_link_t *link, uint32_t total, uint32_t offset, uint32_t *wanted)
{
    naca_link_put32(link, total);
    uint8_t *data = link->config->answer + link->answered;
    const uint32_t left = offset < total ? total - offset : 0;
    const uint32_t room = link->config->answer_size - NACA_LINK_CRC - link->answered;
    const uint32_t most = left < room ? left : room;
    *wanted = *wanted < most ? *wanted : most;
    link->answered += *wanted;
    return data;
}

// Bytes on their way through COBS: runs without a zero go out as they lie, each after its code.
static void send_encoded(const naca_link_config_t *config, const uint8_t *data, uint32_t size)
{
    uint32_t from = 0;
    for (;;) {
        const uint32_t run = naca_cobs_run(data + from, size - from);
        const uint8_t code = (uint8_t)(run + 1u);
        config->send(config->user, &code, 1);
        config->send(config->user, data + from, run);
        from += run;
        if (from == size) {
            break;
        }
        from += run < NACA_COBS_RUN ? 1u : 0u; // the zero that the code stands for
    }
}

void naca_link_send(naca_link_t *link, uint8_t type, naca_link_status_t status, uint16_t tag)
{
    static const uint8_t end = 0;
    const naca_link_config_t *config = link->config;
    const uint32_t size = link->answered;
    config->answer[0] = (uint8_t)(type | 0x80u);
    config->answer[1] = (uint8_t)status;
    memcpy(config->answer + 2, &tag, sizeof tag);
    memcpy(config->answer + 4, &link->epoch, sizeof link->epoch);
    naca_link_put32(link, naca_crc32(0, config->answer, size));
    send_encoded(config, config->answer, link->answered);
    config->send(config->user, &end, 1);
}
