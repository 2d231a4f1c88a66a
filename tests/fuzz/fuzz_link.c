/// libFuzzer target: whatever arrives at a device, it stays within bounds, answers every whole
/// frame once and in form, and hears again from the second frame after any garbage on.
///
/// The input is the size of an image (2 bytes), the image, and then operations: a byte that chooses
/// what to do, a byte that says how much data it takes, and the data. Frames are given the right
/// checksum and, mostly, the right epoch, or the fuzzer would never get past them.

#include "_device.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STATE_ROOM = 8192, IMAGE_ROOM = 4096, RAM = 1 << 14, OPERATIONS = 64 };
enum { FLASH = STATE_ROOM + NACA_DEVICE_LIST + 2 * IMAGE_ROOM };
enum { PAYLOAD = 255, WIRE = PAYLOAD + NACA_LINK_CRC + 8 };
enum { CRC_AT = 12 }; // in an image

enum { RAW, FRAME, LEARN, TWICE, FLIPPED, CUT, POWER, SENSE, CHOICES };

typedef struct session {
    naca_device_t *device;
    const uint8_t *at;
    size_t left;
    bool dirty; ///< something is under way that no zero byte has ended
} session_t;

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint32_t take(session_t *session, uint8_t *out, uint32_t size)
{
    const uint32_t got = session->left < size ? (uint32_t)session->left : size;
    memcpy(out, session->at, got);
    session->at += got;
    session->left -= got;
    return got;
}

static uint32_t take_number(session_t *session, uint32_t size)
{
    uint8_t bytes[4] = {0};
    uint32_t number;
    (void)take(session, bytes, size);
    memcpy(&number, bytes, sizeof number);
    return number;
}

/// All that is sent are whole frames; returns how many, and the last one's payload.
static uint32_t collect(naca_device_t *device, uint8_t *last, uint32_t *last_size)
{
    uint32_t frames = 0;
    uint32_t start = 0;
    for (uint32_t i = 0; i < device->output_size; i++) {
        if (device->output[i] != 0) {
            continue;
        }
        if (i > start) {
            const uint32_t size = naca_cobs_decode(device->output + start, i - start);
            demand(size != UINT32_MAX && size >= NACA_LINK_HEADER + NACA_LINK_CRC);
            demand(naca_crc32(0, device->output + start, size) == 0x2144DF1Cu);
            demand(size <= device->parts.answer_size);
            memcpy(last, device->output + start, size);
            *last_size = size - NACA_LINK_CRC;
            frames++;
        }
        start = i + 1u;
    }
    demand(start == device->output_size || !device->powered);
    device->output_size = 0;
    return frames;
}

static void feed(session_t *session, const uint8_t *data, uint32_t size)
{
    // A copy just as large, so that the sanitizer sees what reads beyond.
    uint8_t *copy = malloc(size > 0 ? size : 1);
    demand(copy != NULL);
    memcpy(copy, data, size);
    naca_device_receive(session->device, copy, size);
    free(copy);
    if (size > 0) {
        session->dirty = data[size - 1u] != 0;
    }
}

static uint32_t make_frame(uint8_t *payload, uint32_t size, uint8_t *wire)
{
    const uint32_t crc = naca_crc32(0, payload, size);
    memcpy(payload + size, &crc, sizeof crc);
    const uint32_t encoded = naca_cobs_encode(payload, size + NACA_LINK_CRC, wire);
    wire[encoded] = 0;
    return encoded + 1u;
}

static uint32_t ask(session_t *session, uint8_t *payload, uint32_t size, uint8_t *answer,
                    uint32_t *answer_size)
{
    uint8_t wire[WIRE];
    const uint32_t encoded = make_frame(payload, size, wire);
    feed(session, wire, encoded);
    return collect(session->device, answer, answer_size);
}

/// A whole frame is answered once, unless the power goes or something unfinished stood before it.
static void exchange(session_t *session, uint8_t *payload, uint32_t size)
{
    static uint8_t answer[4096];
    uint32_t answer_size = 0;
    const bool heard = !session->dirty;
    const uint32_t frames = ask(session, payload, size, answer, &answer_size);
    const bool is_request = size >= NACA_LINK_HEADER && payload[0] < 0x80u;
    demand(frames <= (is_request ? 1u : 0u));
    if (session->device->powered && heard && is_request) {
        demand(frames == 1u);
        demand(answer[0] == (payload[0] | 0x80u) && memcmp(answer + 2, payload + 2, 2) == 0);
        demand(answer[1] <= NACA_LINK_LOCKED);
    }
}

/// Garbage has no answer that could be foretold, but it has to be in form.
static void drain(session_t *session)
{
    static uint8_t answer[4096];
    uint32_t size;
    (void)collect(session->device, answer, &size);
}

static void flip(session_t *session, uint8_t *wire, uint32_t size)
{
    const uint32_t at = take_number(session, 2) % (8u * size);
    wire[at / 8u] ^= (uint8_t)(1u << at % 8u);
    feed(session, wire, size);
    drain(session);
}

static void power(session_t *session, uint32_t choice)
{
    naca_device_t *device = session->device;
    if (choice % 4u == 0) {
        device->powered = 0;
    } else if (choice % 4u == 1u) {
        device->cut_after = choice / 4u;
    }
    if (!device->powered || choice % 4u == 2u) {
        device->cut_after = UINT32_MAX;
        demand(naca_device_boot(device) == NACA_OK);
        device->output_size = 0;
        session->dirty = false;
    }
}

/// A LEARN of the device's session at the next position; where there is no session, one is begun.
static void put_in_place(const naca_link_t *link, uint8_t *payload)
{
    uint32_t state_size;
    memcpy(payload + NACA_LINK_HEADER + 4, naca_state_bytes(link->core, &state_size), 4);
    if (link->session == 0) {
        payload[0] = NACA_LINK_SESSION;
    } else {
        payload[0] = (uint8_t)(NACA_LINK_LEARN + payload[0] % 2u);
        memcpy(payload + NACA_LINK_HEADER, &link->session, sizeof link->session);
    }
}

static void operate(session_t *session)
{
    uint32_t aligned[(PAYLOAD + NACA_LINK_CRC + 3) / 4] = {0};
    uint8_t *const payload = (uint8_t *)aligned;
    uint8_t wire[WIRE];
    const naca_link_t *link = &session->device->link;
    const uint32_t choice = take_number(session, 1);
    const uint32_t wanted = take_number(session, 1);
    if (choice % CHOICES == POWER) {
        power(session, wanted);
        return;
    }
    uint32_t size = take(session, payload, wanted);
    if (choice % CHOICES == SENSE) {
        naca_device_sense(session->device, (const int16_t *)(const void *)payload, size / 4u);
        naca_device_poll(session->device);
        return;
    }
    if (choice % CHOICES == RAW) {
        feed(session, payload, size);
        drain(session);
        return;
    }
    if (size >= NACA_LINK_HEADER && choice < 200u) {
        memcpy(payload + 4, &link->epoch, sizeof link->epoch);
    }
    if (choice % CHOICES == LEARN && size >= NACA_LINK_HEADER + 8u && link->core != NULL) {
        put_in_place(link, payload);
    }
    if (choice % CHOICES == FLIPPED) {
        size = make_frame(payload, size, wire);
        flip(session, wire, size);
    } else if (choice % CHOICES == CUT) {
        size = make_frame(payload, size, wire);
        feed(session, wire, size / 2u);
        drain(session);
    } else {
        exchange(session, payload, size);
        if (choice % CHOICES == TWICE) {
            exchange(session, payload, size);
        }
    }
}

/// The second of two frames is heard, whatever came before.
static void finish(session_t *session)
{
    static uint8_t answer[4096];
    uint32_t size = 0;
    for (uint32_t i = 0; i < 2u; i++) {
        uint8_t hello[NACA_LINK_HEADER + NACA_LINK_CRC] = {NACA_LINK_HELLO, 0, 0x5A, 0x5A};
        const uint32_t frames = ask(session, hello, NACA_LINK_HEADER, answer, &size);
        demand(frames == 1u || i == 0 || !session->device->powered);
    }
    demand(session->device->misuses == 0);
}

static void put_right(uint8_t *image, uint32_t size)
{
    if (size >= CRC_AT + 4u) {
        memcpy(image + 8, &size, sizeof size);
        const uint32_t head = naca_crc32(0, image, CRC_AT);
        const uint32_t crc = naca_crc32(head, image + CRC_AT + 4u, size - CRC_AT - 4u);
        memcpy(image + CRC_AT, &crc, sizeof crc);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t image[IMAGE_ROOM];
    uint64_t *memory = malloc(FLASH); // aligned as images have to be
    demand(memory != NULL);
    memset(memory, 0, FLASH);
    const naca_device_parts_t parts = {(uint8_t *)memory,
                                       STATE_ROOM,
                                       IMAGE_ROOM,
                                       1u + (uint32_t)size % 2u,
                                       RAM,
                                       300,
                                       200,
                                       8,
                                       300,
                                       64,
                                       2,
                                       12800,
                                       (uint32_t)size,
                                       "fuzzed"};
    session_t session = {naca_device_new(&parts), data, size, false};
    demand(session.device != NULL);
    const uint32_t wanted = take_number(&session, 2) % (IMAGE_ROOM + 1u);
    const uint32_t image_size = take(&session, image, wanted);
    put_right(image, image_size);
    demand(naca_device_install(session.device, image, image_size) == 0);
    demand(naca_device_boot(session.device) == NACA_OK);
    session.device->output_size = 0;
    for (uint32_t i = 0; i < OPERATIONS && session.left > 0; i++) {
        operate(&session);
    }
    finish(&session);
    naca_device_free(session.device);
    free(memory);
    return 0;
}
