// The linked-in image, and two slots in RAM for images that come over the link: while one is in use
// the next one is written to the other. Uploaded images last until the power goes; a reset, which
// leaves this memory alone, keeps them.

#include "board.h"

#include <string.h>

extern const uint8_t board_image[], board_image_end[];

typedef struct uploaded {
    uint32_t slot; // 0 or 1
    uint32_t size;
    uint32_t crc;  // of the image
    uint32_t seal; // of the three above: after power-up this holds anything
} uploaded_t;

static uploaded_t kept __attribute__((section(".noinit")));
static bool is_checked, is_uploaded;

static uint32_t room(void)
{
    return (uint32_t)(board_images_end - board_images) / 2u & ~(NACA_ALIGNMENT - 1u);
}

static uint8_t *slot(uint32_t number)
{
    return board_images + number * room();
}

static uint32_t seal_of(const uploaded_t *uploaded)
{
    return ~naca_crc32(0, uploaded, offsetof(uploaded_t, seal));
}

static const uint8_t *current(void *user, uint32_t *size)
{
    (void)user;
    if (!is_checked) { // once: images can be large
        is_uploaded = kept.seal == seal_of(&kept) && kept.slot < 2u && kept.size <= room() &&
                      kept.crc == naca_crc32(0, slot(kept.slot), kept.size);
        is_checked = true;
    }
    *size = is_uploaded ? kept.size : (uint32_t)(board_image_end - board_image);
    return is_uploaded ? slot(kept.slot) : board_image;
}

static uint32_t spare(void)
{
    return is_uploaded ? 1u - kept.slot : 0;
}

static int begin(void *user, uint32_t size)
{
    (void)user;
    return size <= room() ? 0 : -1;
}

static int write(void *user, uint32_t offset, const void *data, uint32_t size)
{
    (void)user;
    if (offset > room() || size > room() - offset) {
        return -1;
    }
    memcpy(slot(spare()) + offset, data, (size_t)size);
    return 0;
}

static const uint8_t *uploaded(void *user)
{
    (void)user;
    return slot(spare());
}

static int commit(void *user, uint32_t size)
{
    (void)user;
    kept.slot = spare();
    kept.size = size;
    kept.crc = naca_crc32(0, slot(kept.slot), size);
    kept.seal = seal_of(&kept);
    is_uploaded = true;
    return 0;
}

const naca_image_memory_t *board_image_memory(void)
{
    static naca_image_memory_t memory = {NULL, 0, current, NULL, NULL, NULL, NULL};
    memory.room = room();
    if (memory.room > 0) {
        memory.begin = begin;
        memory.write = write;
        memory.uploaded = uploaded;
        memory.commit = commit;
    }
    return &memory;
}
