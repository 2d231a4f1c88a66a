/// Replays recorded work through the core and prints what came of it: `naca_replay TAPE`. This goes
/// where Python cannot: a 32-bit build, a sanitized one, an emulated processor.
///
/// A tape is a row of cases up to the end of the file; numbers are uint32, little endian:
///
///     case       status, image size, workspace size, units, operation count, image, operations
///     operation  status, code, kind, label, count, data size, data
///
/// A status is what opening the image, or the operation, has to answer. It is there for other
/// readers of tapes: this one prints what they do answer. The workspace must turn out as large as
/// the case says, unless that is 0; units are the neurons of all populations. `code` is one of the
/// operations below. Kind, count and data are a naca_sample_t's; for `load` the data is a saved
/// state. tests/replaying.py writes tapes and knows what to expect.
///
/// Each case prints the image's status and, unless it is refused, the network's id; then for each
/// operation its name, its status, the five numbers of its result, the state's hash, and the CRC of
/// all that was written down so far (recordings, codes, saved states); then the counters.

#include "naca/naca.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INFER, LEARN, RECORD, PREPARE, RESTART, LOAD, CODES };

static const char *const code_names[CODES] = {"infer",   "learn",   "record",
                                              "prepare", "restart", "load"};

typedef struct tape {
    const uint8_t *at;
    size_t left;
} tape_t;

typedef struct player {
    naca_image_t image;
    uint32_t workspace_size; ///< as the tape says
    uint32_t units;
    void *workspace;
    naca_t *core;
    uint32_t crc;
} player_t;

static void give_up(const char *why)
{
    (void)fprintf(stderr, "naca_replay: %s\n", why);
    exit(EXIT_FAILURE);
}

static void demand(naca_status_t status)
{
    if (status != NACA_OK) {
        give_up(naca_status_name(status));
    }
}

static const uint8_t *take(tape_t *tape, size_t size)
{
    const uint8_t *here = tape->at;
    if (tape->left < size) {
        give_up("the tape ends too early");
    }
    tape->at += size;
    tape->left -= size;
    return here;
}

static uint32_t take_number(tape_t *tape)
{
    uint32_t number;
    memcpy(&number, take(tape, sizeof number), sizeof number);
    return number;
}

/// As large as asked for to the byte, so that a sanitizer sees what reaches beyond, and full of
/// rubbish, so that nothing can rely on finding zeros.
static void *reserve(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) {
        give_up("no memory");
    }
    return memset(memory, 0xA5, size > 0 ? size : 1);
}

static void *take_copy(tape_t *tape, size_t size)
{
    return memcpy(reserve(size), take(tape, size), size);
}

static void start(player_t *player)
{
    uint32_t size;
    demand(naca_workspace_size(&player->image, &size));
    if (player->workspace_size != 0 && player->workspace_size != size) {
        give_up("the workspace has another size than the tape says");
    }
    player->workspace = reserve(size);
    demand(naca_init(&player->image, player->workspace, size, &player->core));
}

static void write_down(player_t *player, const void *memory, size_t size)
{
    player->crc = naca_crc32(player->crc, memory, size);
}

static naca_status_t record(player_t *player, const naca_sample_t *sample, naca_result_t *result)
{
    const size_t inputs = (size_t)player->image.steps * player->image.encoded;
    const size_t all = (size_t)player->image.steps * player->units;
    const naca_recording_t recording = {reserve(inputs), reserve(all),
                                        reserve(all * sizeof(int32_t)),
                                        reserve(all * sizeof(int32_t))};
    const naca_status_t status = naca_record(player->core, sample, &recording, result);
    if (status == NACA_OK) {
        write_down(player, recording.input_spikes, inputs);
        write_down(player, recording.spikes, all);
        write_down(player, recording.potentials, all * sizeof(int32_t));
        write_down(player, recording.thresholds, all * sizeof(int32_t));
    }
    free(recording.input_spikes);
    free(recording.spikes);
    free(recording.potentials);
    free(recording.thresholds);
    return status;
}

static naca_status_t prepare(player_t *player, const naca_sample_t *sample)
{
    uint8_t *codes = reserve(player->image.inputs);
    const naca_status_t status = naca_prepare(player->core, sample, codes);
    if (status == NACA_OK) {
        write_down(player, codes, player->image.inputs);
    }
    free(codes);
    return status;
}

/// Save the state and go on with it in a new core.
static naca_status_t restart(player_t *player)
{
    uint32_t size;
    demand(naca_state_size(player->core, &size));
    void *saved = reserve(size);
    demand(naca_state_save(player->core, saved, size));
    write_down(player, saved, size);
    free(player->workspace);
    start(player);
    const naca_status_t status = naca_state_load(player->core, saved, size);
    free(saved);
    return status;
}

static void operate(player_t *player, tape_t *tape)
{
    (void)take_number(tape); // the status
    const uint32_t code = take_number(tape);
    const uint32_t kind = take_number(tape);
    const uint32_t label = take_number(tape);
    const uint32_t count = take_number(tape);
    const uint32_t size = take_number(tape);
    void *data = take_copy(tape, size);
    const naca_sample_t sample = {(naca_sample_kind_t)kind, data, count};
    naca_result_t result = {0, 0, 0, 0, 0};
    naca_status_t status = NACA_OK;
    uint32_t hash;
    switch (code) {
    case INFER:
        status = naca_infer(player->core, &sample, &result);
        break;
    case LEARN:
        status = naca_learn(player->core, &sample, label, &result);
        break;
    case RECORD:
        status = record(player, &sample, &result);
        break;
    case PREPARE:
        status = prepare(player, &sample);
        break;
    case RESTART:
        status = restart(player);
        break;
    case LOAD:
        status = naca_state_load(player->core, data, size);
        break;
    default:
        give_up("the tape holds an operation that does not exist");
    }
    free(data);
    demand(naca_state_hash(player->core, &hash));
    printf("%s %s %" PRId32 " %" PRId32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %08" PRIx32
           " %08" PRIx32 "\n",
           code_names[code], naca_status_name(status), result.prediction, result.margin,
           result.spikes, result.synops, result.changes, hash, player->crc);
}

static void play(player_t *player, tape_t *tape, uint32_t operations)
{
    naca_counters_t counters;
    start(player);
    for (uint32_t i = 0; i < operations; i++) {
        operate(player, tape);
    }
    demand(naca_counters(player->core, &counters));
    printf("end %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counters.presentations,
           counters.spikes, counters.synops, counters.changes);
    free(player->workspace);
}

static void play_case(tape_t *tape)
{
    player_t player;
    memset(&player, 0, sizeof player);
    (void)take_number(tape); // the status
    const uint32_t image_size = take_number(tape);
    player.workspace_size = take_number(tape);
    player.units = take_number(tape);
    const uint32_t operations = take_number(tape);
    void *image = take_copy(tape, image_size);
    const naca_status_t status =
        naca_image_open_with(naca_all_stages(), &player.image, image, image_size);
    if (status == NACA_OK) {
        printf("open NACA_OK %08" PRIx32 "\n", player.image.network_id);
        play(&player, tape, operations);
    } else {
        printf("open %s\n", naca_status_name(status));
    }
    free(image);
}

/// The whole file; `size` is what it turned out to hold.
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        give_up("the tape cannot be read");
    }
    const long length = ftell(file);
    if (length < 0 || fseek(file, 0, SEEK_SET) != 0) {
        give_up("the tape cannot be read");
    }
    uint8_t *content = reserve((size_t)length);
    *size = fread(content, 1, (size_t)length, file);
    (void)fclose(file);
    return content;
}

int main(int argc, char **argv)
{
    tape_t tape;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: naca_replay TAPE\n");
        return 2;
    }
    uint8_t *content = read_file(argv[1], &tape.left);
    tape.at = content;
    while (tape.left > 0) {
        play_case(&tape);
    }
    free(content);
    return EXIT_SUCCESS;
}
