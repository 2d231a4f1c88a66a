#include "internal.h"

#include "naca/signal.h"

// SIGNAL, SENSOR and SENSOR_READ: section 7. Samples come one after another, from a host or from
// the board's own sensor; windows of them are presented, or learned where all their samples bear
// one label.

enum { SESSION_AT = 0, FIRST_AT = 4, LABEL_AT = 8, FLAGS_AT = 10, KIND_AT = 11, HEAD = 12 };
enum { WHAT_AT = 6, SEEN_AT = 7 };                 // in SENSOR, whose label comes before them
enum { BEHIND_GAP = 1 };                           // flags
enum { WINDOW = 28, ANSWER = 10, OF_SENSOR = 23 }; // bytes: of a window in an answer, before those

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// Windows that an answer has room for, behind `before` bytes.
static uint32_t room_for_windows(const naca_link_t *link, uint32_t before)
{
    const uint32_t taken = NACA_LINK_HEADER + NACA_LINK_CRC + before;
    return least((link->config->answer_size - taken) / WINDOW, NACA_LINK_WINDOWS);
}

// ---- samples, wherever they come from -----------------------------------------------------------

static void start_signals(naca_link_t *link)
{
    const naca_link_config_t *config = link->config;
    naca_link_stream_t *stream = &link->stream;
    naca_signal_facts_t facts;
    const uint32_t taken = (link->core_size + NACA_ALIGNMENT - 1u) & ~(NACA_ALIGNMENT - 1u);
    memset(stream, 0, sizeof *stream);
    stream->label = NACA_LINK_NO_LABEL;
    if (link->core == NULL) {
        return;
    }
    const uint32_t room = taken < config->workspace_size ? config->workspace_size - taken : 0;
    uint8_t *memory = (uint8_t *)config->workspace + (room != 0 ? taken : 0);
    stream->status = naca_signal_init(&link->image, memory, room, &stream->signal);
    if (stream->status == NACA_OK) {
        (void)naca_signal_size(&link->image, &link->used);
        link->used += taken;
        (void)naca_signal_facts(&link->image, &facts);
        stream->window = facts.window;
        stream->channels = facts.channels;
        (void)naca_signal_set_progress(stream->signal, config->progress, config->user);
    }
}

static void begin(naca_link_stream_t *stream, uint32_t first)
{
    (void)naca_signal_gap(stream->signal);
    stream->next = first;
    stream->run = 0;
}

static void mark(naca_link_stream_t *stream, uint32_t label)
{
    stream->run = label == stream->label ? stream->run : 0;
    stream->label = label;
}

// Present the window that is full, or learn it.
static naca_status_t present(naca_link_t *link, uint32_t item)
{
    naca_link_stream_t *stream = &link->stream;
    naca_sample_t sample;
    naca_link_window_t window;
    naca_status_t status = naca_signal_features(stream->signal, &sample);
    if (status != NACA_OK) {
        return status;
    }
    const bool is_taught = stream->label != NACA_LINK_NO_LABEL && stream->run >= stream->window;
    const uint32_t position = naca_link_learned(link);
    window.first = stream->next - stream->window;
    window.label = is_taught ? stream->label : NACA_LINK_NO_LABEL;
    if (is_taught) {
        status = naca_link_teach(link, &sample, (uint16_t)window.label, &window.result);
    } else {
        status = naca_infer(link->core, &sample, &window.result);
    }
    if (status == NACA_OK) {
        status = naca_signal_decide(stream->signal, window.result.prediction, &window.decided);
    }
    if (status == NACA_OK) {
        if (is_taught) {
            naca_link_remember(link, position, naca_crc32(item, &window.first, 4), &window.result);
        }
        stream->latest[stream->windows % NACA_LINK_WINDOWS] = window;
        stream->windows++;
    }
    return status;
}

static void put_windows(naca_link_t *link, uint32_t first, uint32_t count)
{
    naca_link_put16(link, count);
    for (uint32_t i = first; i < first + count; i++) {
        const naca_link_window_t *window = &link->stream.latest[i % NACA_LINK_WINDOWS];
        naca_link_put32(link, window->first);
        naca_link_put16(link, window->label);
        naca_link_put16(link, (uint32_t)window->decided);
        naca_link_put(link, &window->result, sizeof window->result);
    }
}

// ---- from a host --------------------------------------------------------------------------------

static naca_link_status_t answer_chunk(naca_link_t *link)
{
    const naca_link_stream_t *stream = &link->stream;
    naca_link_put32(link, stream->next);
    naca_link_put32(link, naca_link_learned(link));
    put_windows(link, stream->windows - stream->answered, stream->answered);
    return NACA_LINK_OK;
}

static naca_status_t push(naca_link_stream_t *stream, uint32_t kind, const uint8_t *data,
                          uint32_t count, uint32_t *taken)
{
    return kind == NACA_RAW_I16
               ? naca_signal_push(stream->signal, (const int16_t *)(const void *)data, count, taken)
               : naca_signal_push_reals(stream->signal, data, count, taken);
}

// Take samples until as many windows are answered as an answer has room for.
static naca_status_t take_samples(naca_link_t *link, uint32_t kind, const uint8_t *data,
                                  uint32_t count, uint32_t each)
{
    naca_link_stream_t *stream = &link->stream;
    const uint32_t most = room_for_windows(link, ANSWER);
    const uint32_t before = stream->windows;
    uint32_t done = 0;
    stream->answered = 0;
    while (done < count && stream->answered < most) {
        uint32_t taken = 0;
        naca_status_t status = push(stream, kind, data + done * each, count - done, &taken);
        if (status != NACA_OK) {
            return status;
        }
        done += taken;
        stream->next += taken;
        stream->run += least(taken, UINT32_MAX - stream->run);
        status = present(link, stream->chunk);
        if (status != NACA_OK && status != NACA_ERR_BUFFER) {
            return status;
        }
        stream->answered = stream->windows - before;
    }
    return NACA_OK;
}

// Whether a chunk may be taken; else why not.
static naca_link_status_t check_chunk(naca_link_t *link, const uint8_t *data)
{
    const naca_link_stream_t *stream = &link->stream;
    const uint32_t session = get32(data + SESSION_AT);
    const uint32_t label = get16(data + LABEL_AT);
    if (label != NACA_LINK_NO_LABEL) {
        if (link->lock.is_locked != 0) {
            return naca_link_refuse(link, NACA_LINK_LOCKED, link->lock.tries);
        }
        if (session == 0 || session != link->session) {
            return naca_link_other_session(link);
        }
        if (label >= link->image.capacity) {
            return naca_link_refuse_core(link, NACA_ERR_LABEL);
        }
    }
    const bool follows = !stream->is_own && get32(data + FIRST_AT) == stream->next;
    if (!follows && (data[FLAGS_AT] & BEHIND_GAP) == 0) {
        return naca_link_refuse(link, NACA_LINK_ORDER, stream->is_own ? 0 : stream->next);
    }
    return NACA_LINK_OK;
}

static naca_link_status_t take_chunk(naca_link_t *link, uint8_t *data, uint32_t size)
{
    naca_link_stream_t *stream = &link->stream;
    const uint32_t kind = data[KIND_AT];
    const uint32_t first = get32(data + FIRST_AT);
    if (stream->signal == NULL) {
        return naca_link_refuse_core(link, stream->status);
    }
    if (kind != NACA_RAW_I16 && kind != NACA_RAW_F32) {
        return naca_link_refuse_core(link, NACA_ERR_SAMPLE);
    }
    const uint32_t each = stream->channels * (kind == NACA_RAW_I16 ? 2u : 4u);
    if ((size - HEAD) % each != 0) {
        return NACA_LINK_LENGTH;
    }
    const uint32_t chunk = naca_crc32(0, data, size);
    if (stream->has_chunk != 0 && stream->chunk == chunk && stream->chunk_first == first) {
        return answer_chunk(link); // taken before
    }
    const naca_link_status_t refused = check_chunk(link, data);
    if (refused != NACA_LINK_OK) {
        return refused;
    }
    if ((data[FLAGS_AT] & BEHIND_GAP) != 0) {
        begin(stream, first);
    }
    mark(stream, get16(data + LABEL_AT));
    stream->is_own = 0;
    stream->chunk = chunk;
    stream->chunk_first = first;
    // Numbers have to be aligned; what lies before them has been read.
    uint8_t *aligned = data + HEAD - (uintptr_t)(data + HEAD) % 4u;
    memmove(aligned, data + HEAD, size - HEAD);
    const naca_status_t status = take_samples(link, kind, aligned, (size - HEAD) / each, each);
    stream->has_chunk = status == NACA_OK ? 1 : 0;
    return status == NACA_OK ? answer_chunk(link) : naca_link_refuse_core(link, status);
}

// ---- from the board's sensor --------------------------------------------------------------------

naca_status_t naca_link_sense(naca_link_t *link)
{
    naca_link_stream_t *stream = &link->stream;
    const naca_link_sensor_t *sensor = link->config->sensor;
    int16_t sample[NACA_MAX_CHANNELS];
    if (link->config->signals == NULL || sensor == NULL) {
        return NACA_ERR_ARGUMENT;
    }
    if (stream->is_own == 0) {
        return NACA_OK;
    }
    uint32_t waiting = sensor->taken(sensor->user) - stream->next;
    if (waiting > sensor->kept) {
        stream->lost += waiting - sensor->kept;
        begin(stream, stream->next + (waiting - sensor->kept));
        waiting = sensor->kept;
    }
    for (; waiting != 0; waiting--) {
        uint32_t taken;
        sensor->read(sensor->user, stream->next, sample);
        naca_status_t status = naca_signal_push(stream->signal, sample, 1, &taken);
        stream->next++;
        stream->run += stream->run != UINT32_MAX ? 1u : 0u;
        status = status == NACA_OK ? present(link, 0) : status;
        if (status != NACA_OK && status != NACA_ERR_BUFFER) {
            return status;
        }
    }
    return NACA_OK;
}

static naca_link_status_t hear_sensor(naca_link_t *link, const uint8_t *data)
{
    naca_link_stream_t *stream = &link->stream;
    const naca_link_sensor_t *sensor = link->config->sensor;
    const uint32_t label = get16(data + 4);
    const uint32_t session = get32(data);
    if (stream->signal == NULL) {
        return naca_link_refuse_core(link, stream->status);
    }
    if (stream->channels != sensor->channels) {
        return naca_link_refuse_core(link, NACA_ERR_SAMPLE);
    }
    if (label != NACA_LINK_NO_LABEL && link->lock.is_locked != 0) {
        return naca_link_refuse(link, NACA_LINK_LOCKED, link->lock.tries);
    }
    if (label != NACA_LINK_NO_LABEL && (session == 0 || session != link->session)) {
        return naca_link_other_session(link);
    }
    if (label != NACA_LINK_NO_LABEL && label >= link->image.capacity) {
        return naca_link_refuse_core(link, NACA_ERR_LABEL);
    }
    (void)naca_link_sense(link); // what came before bears the mark of before
    const uint8_t is_on = data[WHAT_AT] != 0 ? 1 : 0;
    if (is_on != 0 && stream->is_own == 0) {
        begin(stream, sensor->taken(sensor->user));
        stream->has_chunk = 0;
    }
    stream->is_own = is_on;
    mark(stream, label);
    const uint32_t unseen = stream->windows - get32(data + SEEN_AT);
    const uint32_t count = least(unseen, room_for_windows(link, OF_SENSOR));
    // The oldest that are remembered and not seen yet.
    const uint32_t first =
        stream->windows - least(least(unseen, stream->windows), NACA_LINK_WINDOWS);
    const uint8_t channels = (uint8_t)sensor->channels;
    naca_link_put32(link, sensor->rate);
    naca_link_put(link, &channels, 1);
    naca_link_put32(link, sensor->taken(sensor->user));
    naca_link_put32(link, stream->lost);
    naca_link_put32(link, naca_link_learned(link));
    naca_link_put32(link, first);
    put_windows(link, first, least(count, stream->windows - first));
    return NACA_LINK_OK;
}

static naca_link_status_t read_samples(naca_link_t *link, const uint8_t *data)
{
    const naca_link_sensor_t *sensor = link->config->sensor;
    const uint32_t taken = sensor->taken(sensor->user);
    const uint32_t kept = least(sensor->kept, taken);
    const uint32_t behind = taken - get32(data); // samples from the one asked for on
    const uint32_t first = taken - (behind <= INT32_MAX ? least(behind, kept) : 0);
    const uint8_t channels = (uint8_t)sensor->channels;
    int16_t sample[NACA_MAX_CHANNELS];
    naca_link_put32(link, sensor->rate);
    naca_link_put(link, &channels, 1);
    naca_link_put32(link, taken);
    naca_link_put32(link, first);
    const uint32_t room = link->config->answer_size - NACA_LINK_CRC - link->answered;
    uint32_t count = least(least(get16(data + 4), taken - first), room / (2u * sensor->channels));
    for (uint32_t number = first; count != 0; number++, count--) {
        sensor->read(sensor->user, number, sample);
        naca_link_put(link, sample, 2u * sensor->channels);
    }
    return NACA_LINK_OK;
}

const naca_link_signals_t *naca_link_signals(void)
{
    static const naca_link_signals_t signals = {start_signals, take_chunk, hear_sensor,
                                                read_samples};
    return &signals;
}
