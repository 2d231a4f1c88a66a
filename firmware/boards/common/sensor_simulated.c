// A sensor for boards in an emulator: three channels that swing, slowly and fast in turns. Sample
// number n is the same in every run, whenever it is taken.

#include "board.h"
#include "cortex_m.h"

enum {
    TICKS = 5, // of a thousandth of a second each, for a sample
    TURN = 512 // samples of one kind
};

const uint32_t board_sensor_rate = 200u * 256u;
const uint32_t board_sensor_channels = 3;

static uint32_t number;

// Between -1000 and 1000, once up and down in `period` samples.
static int32_t triangle(uint32_t at, uint32_t period)
{
    const int32_t half = (int32_t)(period / 2u);
    const int32_t x = (int32_t)(at % period);
    return (x < half ? x : (int32_t)period - x) * 2000 / half - 1000;
}

bool board_sensor(int16_t *sample)
{
    if (cortex_m_ticks() / TICKS == number) {
        return false;
    }
    const uint32_t period = number / TURN % 2u == 0 ? 64 : 12;
    for (uint32_t i = 0; i < board_sensor_channels; i++) {
        const int32_t noise = (int32_t)((number * 2654435761u + i * 40503u) >> 26) - 32;
        sample[i] = (int16_t)(triangle(number + i * period / 3u, period) + noise);
    }
    number++;
    return true;
}
