#include "_device.h"

#include <stdlib.h>
#include <string.h>

enum { NO_POWER = -1, MISUSE = -2 }; // why a flash operation failed

static uint32_t draw(naca_device_t *device)
{
    uint32_t x = device->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return device->random = x;
}

// ---- flash -----------------------------------------------------------------------------------

// Begin an operation on `size` bytes: how many of them are still done.
static uint32_t operate(naca_device_t *device, uint32_t size)
{
    device->operations++;
    if (device->cut_after == 0) {
        device->cut_after = UINT32_MAX;
        device->powered = 0;
        return draw(device) % (size + 1u);
    }
    device->cut_after -= device->cut_after != UINT32_MAX ? 1u : 0u;
    return size;
}

// What is being written when the power goes is anything, a byte or a few.
static void tear(naca_device_t *device, uint8_t *bytes, uint32_t size)
{
    const uint32_t count = draw(device) % 8u;
    for (uint32_t i = 0; i < size && i < count; i++) {
        bytes[i] = (uint8_t)draw(device);
    }
}

static int erase(naca_device_t *device, uint32_t offset, uint32_t size)
{
    if (!device->powered) {
        return NO_POWER;
    }
    uint8_t *bytes = device->parts.memory + offset;
    const uint32_t done = operate(device, size);
    memset(bytes, 0xFF, done);
    if (!device->powered) {
        tear(device, bytes + done, size - done);
        return NO_POWER;
    }
    return 0;
}

static int write(naca_device_t *device, uint32_t offset, const uint8_t *data, uint32_t size)
{
    if (!device->powered) {
        return NO_POWER;
    }
    uint8_t *bytes = device->parts.memory + offset;
    uint32_t wrong = offset % NACA_DEVICE_UNIT + size % NACA_DEVICE_UNIT + (uintptr_t)data % 4u;
    for (uint32_t i = 0; i < size; i++) {
        wrong |= bytes[i] ^ 0xFFu;
    }
    if (wrong != 0) {
        device->misuses++;
        return MISUSE;
    }
    const uint32_t done = operate(device, size);
    memcpy(bytes, data, done);
    if (!device->powered) {
        tear(device, bytes + done, size - done);
        return NO_POWER;
    }
    return 0;
}

static int area_erase(void *user, uint32_t offset)
{
    const naca_device_area_t *area = user;
    return erase(area->device, area->start + offset, NACA_DEVICE_SECTOR);
}

static int area_write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    const naca_device_area_t *area = user;
    return write(area->device, area->start + offset, data, size);
}

static int area_read(void *user, uint32_t offset, void *data, uint32_t size)
{
    const naca_device_area_t *area = user;
    if (!area->device->powered) {
        return NO_POWER;
    }
    memcpy(data, area->device->parts.memory + area->start + offset, size);
    return 0;
}

static void make_area(naca_device_t *device, uint32_t index, uint32_t start, uint32_t size)
{
    device->areas[index].device = device;
    device->areas[index].start = start;
    naca_flash_t *flash = &device->flash[index];
    flash->user = &device->areas[index];
    flash->size = size;
    flash->erase_size = NACA_DEVICE_SECTOR;
    flash->write_size = NACA_DEVICE_UNIT;
    flash->erase = area_erase;
    flash->write = area_write;
    flash->read = area_read;
}

// ---- images ----------------------------------------------------------------------------------

// The list's block: which of the two places is current, and the size of the image in it.
typedef struct entry {
    uint32_t place;
    uint32_t size;
} entry_t;

static entry_t current_entry(const naca_device_t *device)
{
    entry_t entry = {0, 0};
    // Checked, for a file of flash may come from anywhere.
    if (naca_store_read(&device->list, 0, &entry, sizeof entry) != NACA_STORE_OK ||
        entry.place >= device->parts.places || entry.size > device->parts.image_room) {
        entry.size = 0;
    }
    return entry;
}

static uint32_t place_of(const naca_device_t *device, uint32_t place)
{
    const naca_device_parts_t *parts = &device->parts;
    return parts->state_room + NACA_DEVICE_LIST + place * parts->image_room;
}

static uint32_t other_place(const naca_device_t *device)
{
    const entry_t entry = current_entry(device);
    return entry.size != 0 && device->parts.places > 1u ? 1u - entry.place : 0;
}

static const uint8_t *image_current(void *user, uint32_t *size)
{
    const naca_device_t *device = user;
    const entry_t entry = current_entry(device);
    *size = entry.size;
    return entry.size != 0 ? device->parts.memory + place_of(device, entry.place) : NULL;
}

static int image_begin(void *user, uint32_t size)
{
    naca_device_t *device = user;
    const uint32_t start = place_of(device, other_place(device));
    // What another version has written is kept: nothing is erased that could not be listed.
    const int is_other = device->list.has_other_format;
    int failed = size > device->parts.image_room || is_other ? MISUSE : 0;
    if (failed == 0 && device->parts.places == 1u && current_entry(device).size != 0) {
        failed = naca_store_clear(&device->list); // before the image goes
    }
    for (uint32_t at = 0; failed == 0 && at < size; at += NACA_DEVICE_SECTOR) {
        failed = erase(device, start + at, NACA_DEVICE_SECTOR);
    }
    return failed;
}

static int image_write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    naca_device_t *device = user;
    const uint32_t start = place_of(device, other_place(device)) + offset;
    const uint32_t whole = size - size % NACA_DEVICE_UNIT;
    int failed = whole != 0 ? write(device, start, data, whole) : 0;
    if (failed == 0 && whole != size) {
        uint32_t unit[NACA_DEVICE_UNIT / 4];
        memset(unit, 0xFF, sizeof unit);
        memcpy(unit, (const uint8_t *)data + whole, size - whole);
        failed = write(device, start + whole, (const uint8_t *)unit, sizeof unit);
    }
    return failed;
}

static const uint8_t *image_uploaded(void *user)
{
    const naca_device_t *device = user;
    return device->parts.memory + place_of(device, other_place(device));
}

static int copy_entry(void *user, uint32_t offset, void *data, uint32_t size)
{
    memcpy(data, (const uint8_t *)user + offset, size);
    return 0;
}

static int image_commit(void *user, uint32_t size)
{
    naca_device_t *device = user;
    entry_t entry = {other_place(device), size};
    return naca_store_save(&device->list, 0, sizeof entry, copy_entry, &entry);
}

static void turn_on(naca_device_t *device)
{
    device->powered = 1;
    (void)naca_store_open(&device->list, &device->flash[1]);
}

int naca_device_holds(naca_device_t *device, const uint8_t *image, uint32_t size)
{
    uint32_t held;
    turn_on(device);
    const uint8_t *current = image_current(device, &held);
    const int same = current != NULL && held == size && memcmp(current, image, size) == 0;
    device->powered = 0;
    return same;
}

int naca_device_install(naca_device_t *device, const uint8_t *image, uint32_t size)
{
    turn_on(device);
    int failed = image_begin(device, size);
    for (uint32_t at = 0; failed == 0 && at < size; at += NACA_DEVICE_UNIT) {
        uint32_t unit[NACA_DEVICE_UNIT / 4];
        const uint32_t piece = size - at < sizeof unit ? size - at : (uint32_t)sizeof unit;
        memcpy(unit, image + at, piece);
        failed = image_write(device, at, unit, piece);
    }
    failed = failed == 0 ? image_commit(device, size) : failed;
    device->powered = 0;
    return failed;
}

// ---- a sensor: what it takes is handed over by the caller ---------------------------------------

static uint32_t sensor_taken(void *user)
{
    const naca_device_t *device = user;
    return device->sensed;
}

static void sensor_read(void *user, uint32_t number, int16_t *sample)
{
    const naca_device_t *device = user;
    const uint32_t channels = device->parts.channels;
    memcpy(sample, device->samples + number % NACA_DEVICE_KEPT * channels, 2u * channels);
}

void naca_device_sense(naca_device_t *device, const int16_t *samples, uint32_t count)
{
    const uint32_t channels = device->parts.channels;
    for (uint32_t i = 0; i < count && channels != 0; i++) {
        int16_t *place = device->samples + device->sensed % NACA_DEVICE_KEPT * channels;
        memcpy(place, samples + i * channels, 2u * channels);
        device->sensed++;
    }
}

void naca_device_poll(naca_device_t *device)
{
    if (device->powered && device->parts.channels != 0) {
        (void)naca_link_sense(&device->link);
    }
}

// ---- the link's configuration ----------------------------------------------------------------

static void collect(void *user, const uint8_t *data, uint32_t size)
{
    naca_device_t *device = user;
    if (!device->powered || size == 0) {
        return;
    }
    if (device->output_room - device->output_size < size) {
        const uint32_t room = 2u * (device->output_size + size);
        uint8_t *output = realloc(device->output, room);
        if (output == NULL) {
            abort();
        }
        device->output = output;
        device->output_room = room;
    }
    memcpy(device->output + device->output_size, data, size);
    device->output_size += size;
}

static uint32_t entropy(void *user)
{
    return draw(user);
}

void naca_device_free(naca_device_t *device)
{
    if (device != NULL) {
        free(device->config.frame);
        free(device->config.answer);
        free(device->config.remembered);
        free(device->config.workspace);
        free(device->config.names);
        free(device->output);
        free(device);
    }
}

naca_device_t *naca_device_new(const naca_device_parts_t *parts)
{
    naca_device_t *device = calloc(1, sizeof *device);
    if (device == NULL) {
        return NULL;
    }
    device->parts = *parts;
    device->random = parts->seed | 1u; // the generator stays at 0
    device->cut_after = UINT32_MAX;
    make_area(device, 0, 0, parts->state_room);
    make_area(device, 1, parts->state_room, NACA_DEVICE_LIST);
    const naca_image_memory_t images = {device,      parts->image_room, image_current, image_begin,
                                        image_write, image_uploaded,    image_commit};
    device->images = images;
    const naca_link_sensor_t sensor = {
        device, parts->rate, parts->channels, NACA_DEVICE_KEPT - 1u, sensor_taken, sensor_read,
    };
    device->sensor = sensor;
    const naca_link_config_t config = {
        .board = device->parts.board,
        .user = device,
        .send = collect,
        .entropy = entropy,
        .frame = malloc(parts->frame_size),
        .frame_size = parts->frame_size,
        .answer = malloc(parts->answer_size),
        .answer_size = parts->answer_size,
        .remembered = malloc(parts->remembered * sizeof(naca_remembered_t)),
        .remembered_count = parts->remembered,
        .workspace = malloc(parts->ram),
        .workspace_size = parts->ram,
        .window = parts->window,
        .names = malloc(parts->names != 0 ? parts->names : 1u),
        .names_size = parts->names,
        .images = &device->images,
        .signals = naca_link_signals(),
        .sensor = parts->channels != 0 ? &device->sensor : NULL,
        .state_flash = parts->state_room != 0 ? &device->flash[0] : NULL,
    };
    device->config = config;
    if (config.frame == NULL || config.answer == NULL || config.remembered == NULL ||
        config.workspace == NULL || config.names == NULL) {
        naca_device_free(device);
        return NULL;
    }
    return device;
}

naca_status_t naca_device_boot(naca_device_t *device)
{
    const naca_link_config_t *config = &device->config;
    memset(config->workspace, 0xA5, config->workspace_size);
    memset(config->remembered, 0xA5, config->remembered_count * sizeof *config->remembered);
    turn_on(device);
    return naca_link_init(&device->link, config);
}

void naca_device_receive(naca_device_t *device, const uint8_t *data, uint32_t size)
{
    // Byte by byte, for power can go at any of them.
    for (uint32_t i = 0; i < size && device->powered; i++) {
        naca_link_receive(&device->link, data + i, 1);
    }
}
