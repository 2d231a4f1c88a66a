// The latest samples of the board's own sensor: a ring that the program's loop fills.

#include "board.h"

enum { NUMBERS = 768 };

static struct {
    int16_t numbers[NUMBERS];
    uint32_t taken;
} ring;

static uint32_t kept(void)
{
    return NUMBERS / board_sensor_channels;
}

static int16_t *place_of(uint32_t number)
{
    return ring.numbers + number % kept() * board_sensor_channels;
}

void board_sense(void)
{
    while (board_sensor(place_of(ring.taken))) {
        ring.taken++;
    }
}

static uint32_t taken(void *user)
{
    (void)user;
    return ring.taken;
}

static void read(void *user, uint32_t number, int16_t *sample)
{
    (void)user;
    const int16_t *from = place_of(number);
    for (uint32_t i = 0; i < board_sensor_channels; i++) {
        sample[i] = from[i];
    }
}

const naca_link_sensor_t *board_link_sensor(void)
{
    static naca_link_sensor_t sensor;
    sensor.rate = board_sensor_rate;
    sensor.channels = board_sensor_channels;
    sensor.kept = kept() - 1u; // one place is that of the sample to come
    sensor.taken = taken;
    sensor.read = read;
    return &sensor;
}
