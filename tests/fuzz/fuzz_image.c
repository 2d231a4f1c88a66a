/// libFuzzer target: whatever the bytes of an image are, it is refused, or everything that can be
/// done with it stays within bounds and keeps its promises.
///
/// The input is the size of an image (2 bytes), the image, and then operations: a byte that chooses
/// what to do, and the data for it. Size and checksum in the image's header are put right first, or
/// the fuzzer would never get past them.

#include "naca/naca.h"
#include "naca/signal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What a hostile image may ask for of time and memory is its own business; here it has to end.
enum {
    LARGEST_WORKSPACE = 1 << 16,
    LARGEST_SAMPLE = 1 << 14,
    LARGEST_WORK = 1 << 22,
    OPERATIONS = 8
};
enum { HEADER = 16, SIZE_AT = 8, CRC_AT = 12 };

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes_t;

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

/// Exactly as large as asked for, so that the sanitizer sees what reaches beyond. What the input
/// does not fill is zero.
static uint8_t *take(bytes_t *bytes, size_t size)
{
    const size_t got = bytes->left < size ? bytes->left : size;
    uint8_t *memory = calloc(size > 0 ? size : 1, 1);
    demand(memory != NULL);
    memcpy(memory, bytes->at, got);
    bytes->at += got;
    bytes->left -= got;
    return memory;
}

static uint32_t take_number(bytes_t *bytes, size_t size)
{
    uint32_t number = 0;
    uint8_t *memory = take(bytes, size);
    memcpy(&number, memory, size);
    free(memory);
    return number;
}

static void put_right(uint8_t *image, uint32_t size)
{
    if (size >= HEADER) {
        memcpy(image + SIZE_AT, &size, sizeof size);
        const uint32_t head = naca_crc32(0, image, CRC_AT);
        const uint32_t crc = naca_crc32(head, image + HEADER, size - HEADER);
        memcpy(image + CRC_AT, &crc, sizeof crc);
    }
}

static uint32_t hash_of(const naca_t *core)
{
    uint32_t hash = 0;
    demand(naca_state_hash(core, &hash) == NACA_OK);
    return hash;
}

static void present(naca_t *core, const naca_image_t *image, bytes_t *bytes, uint32_t choice)
{
    static const size_t element_size[] = {1, 2, 4, 1, sizeof(naca_event_t), 1, 4};
    const uint32_t kind = choice / 4u % 7u; // one of them is none
    uint32_t count = kind == NACA_CODES ? image->inputs : image->raw_count;
    if (kind == NACA_EVENTS || choice >= 192u) {
        count = take_number(bytes, 1);
    }
    if (count > LARGEST_SAMPLE) {
        return;
    }
    uint8_t *data = take(bytes, count * element_size[kind]);
    for (uint32_t i = 0; kind == NACA_CODES && choice < 128u && i < count; i++) {
        data[i] &= 1; // valid whatever the encoder's bits are
    }
    const naca_sample_t sample = {(naca_sample_kind_t)kind, data, count};
    const uint32_t before = hash_of(core);
    naca_result_t result;
    if (choice % 4u == 0) {
        const uint32_t label = take_number(bytes, 1);
        if (naca_learn(core, &sample, label, &result) != NACA_OK) {
            demand(hash_of(core) == before);
        }
    } else if (choice % 4u == 1u) {
        uint8_t *codes = take(bytes, image->inputs);
        (void)naca_prepare(core, &sample, codes);
        free(codes);
        demand(hash_of(core) == before);
    } else if (choice % 4u == 2u) {
        uint8_t *spikes = calloc(image->steps, image->encoded);
        const naca_recording_t recording = {spikes, NULL, NULL, NULL};
        (void)naca_record(core, &sample, &recording, &result);
        free(spikes);
        demand(hash_of(core) == before);
    } else {
        (void)naca_infer(core, &sample, &result);
        demand(hash_of(core) == before);
    }
    free(data);
}

static void save_and_load(naca_t *core, bytes_t *bytes)
{
    uint32_t size;
    const uint32_t before = hash_of(core);
    const uint32_t flip = take_number(bytes, 2);
    demand(naca_state_size(core, &size) == NACA_OK);
    uint8_t *saved = calloc(size, 1);
    demand(saved != NULL);
    demand(naca_state_save(core, saved, size) == NACA_OK);
    demand(naca_state_load(core, saved, size) == NACA_OK);
    demand(hash_of(core) == before);
    saved[flip % size] ^= 1;
    demand(naca_state_load(core, saved, size) != NACA_OK);
    demand(hash_of(core) == before);
    free(saved);
}

static void run(const naca_image_t *image, bytes_t *bytes)
{
    uint32_t size;
    naca_t *core;
    demand(naca_workspace_size(image, &size) == NACA_OK);
    if (size > LARGEST_WORKSPACE || size * image->steps > LARGEST_WORK) {
        return;
    }
    uint8_t *workspace = malloc(size);
    demand(workspace != NULL);
    demand(naca_init(image, workspace, size - 1u, &core) == NACA_ERR_WORKSPACE);
    demand(naca_init(image, workspace, size, &core) == NACA_OK);
    for (uint32_t i = 0; i < OPERATIONS && bytes->left > 0; i++) {
        const uint32_t choice = take_number(bytes, 1);
        if (choice == 255u) {
            save_and_load(core, bytes);
        } else {
            present(core, image, bytes, choice);
        }
    }
    free(workspace);
}

/// Samples of any kind in parts of any size, gaps, answers, and features whether a window is full
/// or not.
static void cut_windows(const naca_image_t *image, bytes_t *bytes)
{
    uint32_t size;
    naca_signal_t *signal;
    naca_signal_facts_t facts;
    if (naca_signal_size(image, &size) != NACA_OK) {
        demand(naca_signal_facts(image, &facts) != NACA_OK);
        return;
    }
    demand(naca_signal_facts(image, &facts) == NACA_OK && facts.features == image->raw_count);
    uint8_t *memory = malloc(size);
    demand(memory != NULL);
    demand(naca_signal_init(image, memory, size - 1u, &signal) == NACA_ERR_WORKSPACE);
    demand(naca_signal_init(image, memory, size, &signal) == NACA_OK);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        naca_sample_t sample;
        int32_t decided = 0;
        uint32_t taken = 0;
        const uint32_t choice = take_number(bytes, 1);
        const uint32_t count = take_number(bytes, 1) * (choice >= 128u ? 64u : 1u);
        const uint32_t each = facts.channels * (choice % 2u == 0 ? 2u : 4u);
        uint8_t *samples = take(bytes, (size_t)count * each);
        if (choice % 16u == 15u) {
            demand(naca_signal_gap(signal) == NACA_OK);
        }
        const naca_status_t pushed =
            choice % 2u == 0 ? naca_signal_push(signal, (int16_t *)(void *)samples, count, &taken)
                             : naca_signal_push_reals(signal, samples, count, &taken);
        demand(taken <= count && (pushed == NACA_OK || taken == 0));
        if (naca_signal_features(signal, &sample) == NACA_OK) {
            demand(sample.kind == NACA_RAW_I16 && sample.count == facts.features);
        }
        (void)naca_signal_decide(signal, (int32_t)(choice % 8u) - 2, &decided);
        free(samples);
    }
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes_t bytes = {data, size};
    naca_image_t opened;
    const uint32_t wanted = take_number(&bytes, 2);
    const uint32_t image_size = wanted < bytes.left ? wanted : (uint32_t)bytes.left;
    uint8_t *image = take(&bytes, image_size);
    put_right(image, image_size);
    if (naca_image_open_with(naca_all_stages(), &opened, image, image_size) == NACA_OK) {
        bytes_t again = bytes;
        run(&opened, &bytes);
        cut_windows(&opened, &again);
    }
    free(image);
    return 0;
}
