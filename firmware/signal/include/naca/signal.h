/// Signals: from a sensor's samples, as they come, to the features that a network takes.
///
/// What it is for: an image may say how windows of a signal become features (docs/image.md, section
/// SGNL). This is what carries it out; docs/arithmetic.md, section 11, fixes every bit. A program
/// that does without it links nothing of it.
///
/// How it is used, once an image is open and a core set up (naca.h):
///
///     naca_signal_t *signal;
///     if (naca_signal_size(&image, &size) == NACA_OK && size <= sizeof(more_memory) &&
///         naca_signal_init(&image, more_memory, sizeof(more_memory), &signal) == NACA_OK) {
///         while (count != 0) { // samples of a DMA buffer, a queue, ...
///             naca_sample_t features;
///             uint32_t taken;
///             naca_signal_push(signal, samples, count, &taken);
///             samples += taken * channels;
///             count -= taken;
///             if (naca_signal_features(signal, &features) == NACA_OK) // a window is full
///                 naca_infer(core, &features, &result);
///         }
///     }
///
/// Ownership, re-entrancy and failure are as in naca.h: memory is the caller's, the image's bytes
/// and that memory stay in use, one object takes one call at a time, and a call that is refused
/// changes nothing. An interrupt that collects samples hands them to the program through a buffer
/// of its own.

#ifndef NACA_SIGNAL_H
#define NACA_SIGNAL_H

#include "naca/naca.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Limits of any signal.
enum {
    NACA_MAX_CHANNELS = 16,  ///< of a sample
    NACA_MAX_MAGNITUDES = 8, ///< channels made of others
    NACA_MAX_WINDOW = 16384, ///< samples of a window, a power of two
    NACA_MAX_FRAME = 1024,   ///< samples that a spectrum is taken of, a power of two
    NACA_MAX_FRAMES = 64,    ///< spectra of a window
    NACA_MAX_BANDS = 64,     ///< of a spectrum
    NACA_MAX_VOTES = 16      ///< answers that a decision looks at
};

/// Windows of a signal at work: lives in the caller's memory.
typedef struct naca_signal naca_signal_t;

/// What a signal is like.
typedef struct naca_signal_facts {
    uint32_t rate;     ///< samples a second, 256ths
    uint32_t hop;      ///< samples from one window to the next
    uint16_t window;   ///< samples of a window
    uint16_t features; ///< numbers that are made of one, int16_t
    uint8_t channels;  ///< numbers of a sample
    uint8_t is_real;   ///< 1 where samples may be real numbers
} naca_signal_facts_t;

/// What the image says of its signal. Everything about it is checked here.
/// NACA_ERR_ARGUMENT, also for an image that was refused; NACA_ERR_SECTION where the image has no
/// signal; NACA_ERR_NETWORK where what it says of it is outside the documented limits.
naca_status_t naca_signal_facts(const naca_image_t *image, naca_signal_facts_t *facts);

/// Memory that windows and their features need, in bytes: exact, and the same on every machine.
/// Statuses of naca_signal_facts.
naca_status_t naca_signal_size(const naca_image_t *image, uint32_t *size);

/// Set up windows in `memory`, aligned to NACA_ALIGNMENT, `size` bytes of it. There is nothing to
/// close. Statuses of naca_signal_facts; NACA_ERR_ALIGNMENT; NACA_ERR_WORKSPACE where `size` is too
/// small.
naca_status_t naca_signal_init(const naca_image_t *image, void *memory, uint32_t size,
                               naca_signal_t **signal);

/// Have `progress` called with `user` while features are made: once a channel and once a frame at
/// least. Null for nothing, which it is after naca_signal_init. NACA_ERR_ARGUMENT.
naca_status_t naca_signal_set_progress(naca_signal_t *signal, naca_progress_t progress, void *user);

/// Take `count` samples, int16_t[count][channels], one after another. Stops behind the sample that
/// fills a window: `*taken` says how many were taken. As long as a window is full, none are: ask
/// for its features. Where samples may be real numbers these are the sensor's integers, and are
/// mapped like real ones. Work grows with what is taken. NACA_ERR_ARGUMENT.
naca_status_t naca_signal_push(naca_signal_t *signal, const int16_t *samples, uint32_t count,
                               uint32_t *taken);

/// The same for real numbers, float[count][channels] in IEEE 754 binary32.
/// NACA_ERR_SAMPLE where the image says nothing of real numbers, or one is infinite or NaN, which
/// is taken for a gap by nobody: nothing was taken then.
naca_status_t naca_signal_push_reals(naca_signal_t *signal, const void *samples, uint32_t count,
                                     uint32_t *taken);

/// Say that samples are missing from here on, or that the sensor was reset: what has not filled a
/// window is dropped, so that no window reaches over the gap. NACA_ERR_ARGUMENT.
naca_status_t naca_signal_gap(naca_signal_t *signal);

/// Make the features of the window that is full, and go on to the next one. `sample` is what
/// naca_infer and naca_learn take, and stays until the next call.
/// Work: N = window * channels samples, a few dozen instructions each, and for every frame with a
/// spectrum about 15 * frame * log2(frame) instructions.
/// NACA_ERR_ARGUMENT; NACA_ERR_BUFFER where no window is full.
naca_status_t naca_signal_features(naca_signal_t *signal, naca_sample_t *sample);

/// Take the answer that the network gave to the latest window, and decide: `*decided` is a class,
/// or -1 for none. Where the image asks for several answers that agree, and for a rest behind a
/// decision, this is where it is seen to; else every answer is a decision. To be called once for
/// each window, in their order. NACA_ERR_ARGUMENT.
naca_status_t naca_signal_decide(naca_signal_t *signal, int32_t answer, int32_t *decided);

#ifdef __cplusplus
}
#endif

#endif
