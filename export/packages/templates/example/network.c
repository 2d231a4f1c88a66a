// The core wants a multiple of 8, and some processors would be content with less for 64-bit words.
#ifdef __GNUC__
#define ALIGNED __attribute__((aligned(8)))
#else
#define ALIGNED
#endif
static ALIGNED uint64_t memory[(@{NAME}_WORKSPACE_SIZE + 7) / 8];
static @{type} numbers[@{count}];

// Here a sensor would be read: one sample.
static void read_sensor(void)
{
    for (uint32_t i = 0; i < @{count}; i++)
        numbers[i] = (@{type})@{number};
}

static naca_status_t run(void)
{
    const naca_sample_t sample = {@{kind}, numbers, @{count}};
    naca_result_t before, after;
    naca_image_t image;
    naca_t *core;
    uint32_t hash;
    naca_status_t status = @{open}&image, @{name}_image, @{NAME}_IMAGE_SIZE);
    if (status == NACA_OK)
        status = naca_init(&image, memory, sizeof memory, &core);
    read_sensor();
    if (status == NACA_OK)
        status = naca_learn(core, &sample, 0, &before); // what it sees is class 0
    if (status == NACA_OK)
        status = naca_infer(core, &sample, &after);
    if (status == NACA_OK)
        status = naca_state_hash(core, &hash);
    if (status != NACA_OK)
        return status;
    @{say}("before: %ld\n", (long)before.prediction); // -1 is no answer
    @{say}("after: %ld\n", (long)after.prediction);
    @{say}("state: %08lx\n", (unsigned long)hash);
    return NACA_OK;
}
