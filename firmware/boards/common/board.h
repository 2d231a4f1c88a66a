// What a board gives to the programs that run on it, and what the files in this folder add to that.
// docs/boards.md says how to fill it in for another board.

#ifndef NACA_BOARD_H
#define NACA_BOARD_H

#include "naca/link.h"

#include <stdbool.h>

// ---- from firmware/boards/NAME ----------------------------------------------------------------

/// At most 15 characters; HELLO tells it to the host.
extern const char board_name[];

/// Clocks, the UART with its receive interrupt, a tick of about 1 kHz. Interrupts are on
/// afterwards.
void board_start(void);

/// Send one byte, waiting until the UART takes it. Works with interrupts off.
void board_send(uint8_t byte);

/// Sleep until an interrupt, unless received bytes wait. May return early.
void board_sleep(void);

/// A number that changes fast while the board runs.
uint32_t board_clock(void);

/// Have the board start again when board_feed is not called for some seconds: longer than any piece
/// of work between two calls, and than an erase of the flash.
void board_watch(void);
void board_feed(void);

/// Start again as after power-up. RAM outside .data and .bss keeps its content.
void board_reset(void) __attribute__((noreturn));

/// Where learned state is kept: flash_ram.c, unless the board has a driver of its own.
const naca_flash_t *board_state_flash(void);

/// A board's own sensor, where board.cmake names its file (`sensor`): put the next sample there and
/// return true, or false while none is ready. Called again and again from the program's loop.
bool board_sensor(int16_t *sample);
extern const uint32_t board_sensor_rate;     ///< samples a second, 256ths
extern const uint32_t board_sensor_channels; ///< numbers of a sample, 1 .. 16

// ---- from the board's start-up and linker script ------------------------------------------------

/// The stack, which grows down from its end. Where the hardware can guard it, BOARD_GUARD bytes
/// before it are out of bounds.
extern uint8_t board_guard[], board_stack[], board_stack_end[];
enum { BOARD_GUARD = 64 };

/// Everything that is left of the RAM: the core's workspace.
extern uint8_t board_workspace[], board_workspace_end[];

/// Where uploaded images go, halved into two slots. Empty if a board takes no images.
extern uint8_t board_images[], board_images_end[];

/// Where learned state is kept, unless that is another address space.
extern uint8_t board_state[], board_state_end[];

// ---- from this folder ---------------------------------------------------------------------------

/// receive.c. The UART's interrupt handler hands over what it got ...
void board_received(uint8_t byte);
/// ... and the program takes it, up to `size` bytes at a time; returns how many.
uint32_t board_receive(uint8_t *data, uint32_t size);
bool board_has_received(void);
/// Received bytes that were lost because nobody took them in time, or the UART itself lost them.
uint32_t board_overruns(void);
void board_lost(void);

enum {
    BOARD_WINDOW = BOARD_RING - 1 ///< bytes that may wait in the ring
};

/// sensor.c: take the samples that are ready, and what the link reads them from.
void board_sense(void);
const naca_link_sensor_t *board_link_sensor(void);

/// images.c: the image in use, and where to upload others.
const naca_image_memory_t *board_image_memory(void);

/// report.c: text for people, and what start-up calls when a processor exception has no handler.
void board_print(const char *text);
void board_print_hex(uint32_t number);
void board_fault(const char *kind, uint32_t where, uint32_t why) __attribute__((noreturn));

/// stack.c: mark the stack as unused, as the first thing in main; then, how much of it was in use.
void board_paint_stack(void);
uint32_t board_stack_used(void);

/// boot.c: differs from boot to boot.
uint32_t board_entropy(void);

#endif
