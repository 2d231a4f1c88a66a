// Two networks in one firmware: one hears an accelerometer, the other sees digits; both learn.
//
// An interrupt takes the accelerometer's samples into a ring, and does nothing else. Tasks have
// their turns in a loop, as they would in an RTOS without preemption. A digit takes long to learn:
// in the midst of it the core asks for progress, and the other task has a turn then.

#include "digits.h"
#include "motion.h"
#include "port.h"
#include "recording.h"

#include <naca/naca.h>
#include <naca/signal.h>
#include <stdbool.h>
#include <stdio.h>

// What a network is told, and how often it was right before.
typedef struct learner {
    naca_t *core;
    uint32_t told, right;
} learner_t;

// The core wants multiples of 8, which uint64_t brings on every processor of this example.
static uint64_t motion_memory[(MOTION_WORKSPACE_SIZE + 7) / 8];
static uint64_t motion_windows[(MOTION_SIGNAL_SIZE + 7) / 8];
static uint64_t digits_memory[(DIGITS_WORKSPACE_SIZE + 7) / 8];
static learner_t motion, digits;
static naca_signal_t *windows;
static naca_status_t failure = NACA_OK;

static void note(naca_status_t status)
{
    if (failure == NACA_OK) {
        failure = status;
    }
}

static void learn(learner_t *learner, const naca_sample_t *sample, uint8_t label)
{
    naca_result_t result;
    note(naca_learn(learner->core, sample, label, &result));
    learner->told++;
    learner->right += result.prediction == label;
}

// ---- the accelerometer ------------------------------------------------------------------------

enum { RING = 64 };
static volatile int16_t ring[RING][MOTION_CHANNELS];
static volatile uint32_t written; // the interrupt's
static volatile uint32_t taken;   // the task's

// Here the sensor would be read. This one waits while the ring is full; of one that does not, the
// task would have to say so with naca_signal_gap.
static void sensor_interrupt(void)
{
    const uint32_t at = written;
    if (at < RECORDING_SAMPLES && at - taken < RING) {
        for (uint32_t i = 0; i < MOTION_CHANNELS; i++) {
            ring[at % RING][i] = recording_samples[at][i];
        }
        written = at + 1u;
    }
}

// ---- tasks: each takes one turn, and returns whether there was anything to do ------------------

static bool hear(void)
{
    const uint32_t at = taken;
    int16_t sample[MOTION_CHANNELS] = {0};
    naca_sample_t features;
    uint32_t count;
    if (at == written) {
        return false;
    }
    for (uint32_t i = 0; i < MOTION_CHANNELS; i++) {
        sample[i] = ring[at % RING][i];
    }
    taken = at + 1u;
    note(naca_signal_push(windows, sample, 1, &count));
    if (naca_signal_features(windows, &features) == NACA_OK) { // a window is full
        learn(&motion, &features, recording_gestures[motion.told]);
    }
    return true;
}

static bool see(void)
{
    const uint32_t at = digits.told;
    if (at == RECORDING_DIGITS) {
        return false;
    }
    const naca_sample_t sample = {NACA_CODES, recording_codes[at], DIGITS_INPUTS};
    learn(&digits, &sample, recording_digits[at]);
    return true;
}

// In the midst of a digit. It must not call into the core that is at work, and does not.
static void give_way(void *user)
{
    (void)user;
    (void)hear();
}

// ---- the program ------------------------------------------------------------------------------

static void start(void)
{
    naca_image_t image;
    note(naca_image_open_with(naca_inhibition(), &image, motion_image, MOTION_IMAGE_SIZE));
    note(naca_init(&image, motion_memory, sizeof motion_memory, &motion.core));
    note(naca_signal_init(&image, motion_windows, sizeof motion_windows, &windows));
    note(naca_image_open_with(naca_inhibition(), &image, digits_image, DIGITS_IMAGE_SIZE));
    note(naca_init(&image, digits_memory, sizeof digits_memory, &digits.core));
    note(naca_set_progress(digits.core, give_way, NULL));
}

static void print(const char *name, const learner_t *learner)
{
    uint32_t hash = 0;
    note(naca_state_hash(learner->core, &hash));
    printf("%s: %lu of %lu right before being told, state %08lx\n", name,
           (unsigned long)learner->right, (unsigned long)learner->told, (unsigned long)hash);
}

int main(void)
{
    static bool (*const tasks[])(void) = {hear, see};
    start();
    if (failure == NACA_OK) {
        port_start(sensor_interrupt);
    }
    while (failure == NACA_OK && (taken < RECORDING_SAMPLES || digits.told < RECORDING_DIGITS)) {
        bool worked = false;
        for (uint32_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
            worked = tasks[i]() || worked;
        }
        if (!worked) {
            port_sleep();
        }
    }
    if (failure == NACA_OK) {
        print("motion", &motion);
        print("digits", &digits);
    }
    if (failure != NACA_OK) {
        printf("%s\n", naca_status_name(failure));
    }
    return failure == NACA_OK ? 0 : 1;
}
