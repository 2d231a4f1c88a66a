/// A board made of memory: what the virtual device adds to the firmware's own link, store and core.
/// Not part of the firmware.
///
/// Its flash, one block that the caller provides and may keep in a file, holds saved states, the
/// list of which image is current (a store of its own, so that changing images survives a power cut
/// too), and room for one image or two. Power can be cut in the middle of any flash operation: what
/// was being written or erased is then partly done and partly anything, and nothing works until the
/// next boot.

#ifndef EDGE_NACA_DEVICE_H
#define EDGE_NACA_DEVICE_H

#include "naca/link.h"

enum {
    NACA_DEVICE_SECTOR = 4096,
    NACA_DEVICE_LIST = 8192,
    NACA_DEVICE_UNIT = 8,
    NACA_DEVICE_KEPT = 256
};

/// What a virtual device is made of. Sizes in bytes; those of memory are multiples of
/// NACA_DEVICE_SECTOR.
typedef struct naca_device_parts {
    uint8_t *memory;     ///< the flash: state_room + NACA_DEVICE_LIST + places * image_room
    uint32_t state_room; ///< for saved states; 0 for none
    uint32_t image_room; ///< for one image
    uint32_t places;     ///< for images: 2, or 1, where a new one takes the old one's
    uint32_t ram;        ///< for the workspace
    uint32_t frame_size;
    uint32_t answer_size;
    uint32_t remembered;
    uint32_t window;
    uint32_t names;    ///< bytes for names of classes
    uint32_t channels; ///< of a sensor of its own; 0 for none
    uint32_t rate;     ///< of that, 256ths of a sample a second
    uint32_t seed;     ///< of what torn writes leave, and of epochs
    char board[16];
} naca_device_parts_t;

/// A part of the flash, erased and written on its own.
typedef struct naca_device_area {
    struct naca_device *device;
    uint32_t start;
} naca_device_area_t;

/// A virtual device. The fields are for reading, but for cut_after.
typedef struct naca_device {
    naca_device_parts_t parts;
    naca_link_config_t config;
    naca_link_t link;
    naca_device_area_t areas[2]; ///< saved states, list of images
    naca_flash_t flash[2];
    naca_store_t list;
    naca_image_memory_t images;
    naca_link_sensor_t sensor;
    int16_t samples[NACA_DEVICE_KEPT * 16]; ///< the latest that the sensor took
    uint32_t sensed;                        ///< samples that it took so far
    uint8_t *output;                        ///< what was sent and not collected yet
    uint32_t output_size;
    uint32_t output_room;
    uint32_t random;
    uint32_t powered;
    uint32_t cut_after;  ///< flash operations until the power is cut in the middle of one
    uint32_t operations; ///< of the flash: erases and writes
    uint32_t misuses;    ///< writes to what is not erased, or that the flash cannot do
} naca_device_t;

/// A device without power. Null if there is no memory for it.
naca_device_t *naca_device_new(const naca_device_parts_t *parts);
void naca_device_free(naca_device_t *device);

/// Power on: all but the flash is forgotten.
naca_status_t naca_device_boot(naca_device_t *device);

/// Put an image into the flash, as a programmer would before the first boot. Returns 0, or anything
/// else if it has no room.
int naca_device_install(naca_device_t *device, const uint8_t *image, uint32_t size);

/// Whether that very image is the current one.
int naca_device_holds(naca_device_t *device, const uint8_t *image, uint32_t size);

/// Have the sensor take samples, int16_t[count][channels]; and have the program look at them, as a
/// board's does again and again.
void naca_device_sense(naca_device_t *device, const int16_t *samples, uint32_t count);
void naca_device_poll(naca_device_t *device);

/// Let the device receive bytes; what it sends is added to its output.
void naca_device_receive(naca_device_t *device, const uint8_t *data, uint32_t size);

#endif
