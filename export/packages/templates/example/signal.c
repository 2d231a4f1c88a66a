// The core wants a multiple of 8, and some processors would be content with less for 64-bit words.
#ifdef __GNUC__
#define ALIGNED __attribute__((aligned(8)))
#else
#define ALIGNED
#endif
static ALIGNED uint64_t memory[(@{NAME}_WORKSPACE_SIZE + 7) / 8];
static ALIGNED uint64_t windows[(@{NAME}_SIGNAL_SIZE + 7) / 8];

// Here the sensor would be read: one sample, a number of each channel.
static void read_sensor(uint32_t at, @{signal_type} sample[@{NAME}_CHANNELS])
{
    for (uint32_t i = 0; i < @{NAME}_CHANNELS; i++)
        sample[i] = (@{signal_type})(@{signal_number});
}

static naca_status_t run(void)
{
    naca_image_t image;
    naca_t *core;
    naca_signal_t *signal;
    uint32_t hash;
    uint32_t seen = 0;
    naca_status_t status = @{open}&image, @{name}_image, @{NAME}_IMAGE_SIZE);
    if (status == NACA_OK)
        status = naca_init(&image, memory, sizeof memory, &core);
    if (status == NACA_OK)
        status = naca_signal_init(&image, windows, sizeof windows, &signal);
    for (uint32_t at = 0; status == NACA_OK && at < 2u * @{NAME}_WINDOW + @{NAME}_HOP; at++) {
        @{signal_type} sample[@{NAME}_CHANNELS];
        naca_sample_t features;
        naca_result_t result;
        uint32_t taken;
        read_sensor(at, sample);
        status = @{signal_push}(signal, sample, 1, &taken);
        if (status != NACA_OK || naca_signal_features(signal, &features) != NACA_OK)
            continue; // no window is full yet
        if (seen++ == 0)
            status = naca_learn(core, &features, 0, &result); // the first window is of class 0
        else
            status = naca_infer(core, &features, &result);
        if (status == NACA_OK)
            @{say}("window until sample %lu: %ld\n", (unsigned long)at, (long)result.prediction);
    }
    if (status == NACA_OK)
        status = naca_state_hash(core, &hash);
    if (status == NACA_OK)
        @{say}("state: %08lx\n", (unsigned long)hash);
    return status;
}
