// The core's self-test: learns compiled-in samples, with frozen stages and then with an inhibition
// that is learned, and compares the state's hash with the one that the specification arrived at
// when the program was built. Needs a board and the core, nothing else.
//
// Afterwards it echoes what it receives, except for some letters: `f` provokes a fault, which has
// to be reported and end in a reset; `o` stops listening for a while, so that bytes get lost, and
// then prints how many; `h` hangs, until the watchdog resets; `s` calls itself until the stack
// ends.

#include "board.h"

extern const uint8_t board_image[], board_image_end[]; // with frozen stages
extern const uint8_t inhibition_image[], inhibition_image_end[];
// What tools/board-files writes: this header, then `count` times a label and a raw sample.
extern const uint8_t selftest[];

typedef struct header {
    uint32_t hash_stages;
    uint32_t hash_inhibition;
    uint16_t steps;
    uint16_t count;
    uint16_t raw_count;
    uint16_t reserved;
} header_t;

int main(void);

static void print_line(const char *name, uint32_t number)
{
    board_print(name);
    board_print_hex(number);
    board_print("\r\n");
}

static void progress(void *user)
{
    (void)user;
    board_feed();
}

static naca_status_t learn(const header_t *header, const uint8_t *data, const uint8_t *end,
                           uint32_t *hash)
{
    naca_image_t image;
    naca_t *core;
    naca_result_t result;
    const uint8_t *record = selftest + sizeof *header;
    naca_status_t status =
        naca_image_open_with(naca_all_stages(), &image, data, (uint32_t)(end - data));
    if (status == NACA_OK) {
        status = naca_init(&image, board_workspace,
                           (uint32_t)(board_workspace_end - board_workspace), &core);
    }
    if (status == NACA_OK) {
        (void)naca_set_progress(core, progress, NULL);
    }
    for (uint32_t i = 0; i < header->steps && status == NACA_OK; i++) {
        const uint8_t *at = record + i % header->count * (header->raw_count + 1u);
        const naca_sample_t sample = {NACA_RAW_U8, at + 1, header->raw_count};
        status = naca_learn(core, &sample, *at, &result);
    }
    return status == NACA_OK ? naca_state_hash(core, hash) : status;
}

// Learn with a network, and tell whether its state is what it has to be.
static bool passes(const char *name, const uint8_t *data, const uint8_t *end, uint32_t expected)
{
    uint32_t hash = 0;
    const naca_status_t status = learn((const header_t *)(const void *)selftest, data, end, &hash);
    board_print(name);
    board_print(naca_status_name(status));
    board_print("\r\n");
    print_line("expected ", expected);
    print_line("hash ", hash);
    return status == NACA_OK && hash == expected;
}

static void overrun(void)
{
    const uint32_t start = board_overruns();
    board_print("deaf\r\n");
    while (board_overruns() == start) {
        board_feed();
    }
    print_line("lost ", board_overruns() - start);
}

// Returns what nobody knows, so that no compiler turns it into a loop.
static uint32_t dive(const volatile uint32_t *above) // NOLINT(misc-no-recursion)
{
    volatile uint32_t room[8];
    room[0] = *above + 1u;
    return room[0] != 0 ? dive(room) + room[0] : 0;
}

int main(void)
{
    const header_t *header = (const header_t *)(const void *)selftest;
    board_paint_stack();
    board_start();
    board_watch();
    board_print("\r\nedge-naca self-test on ");
    board_print(board_name);
    board_print("\r\n");
    const bool stages = passes("stages ", board_image, board_image_end, header->hash_stages);
    const bool inhibition =
        passes("inhibition ", inhibition_image, inhibition_image_end, header->hash_inhibition);
    board_print(stages && inhibition ? "passed\r\n" : "FAILED\r\n");
    for (;;) {
        uint8_t byte;
        board_feed();
        if (board_receive(&byte, 1) == 0) {
            board_sleep();
        } else if (byte == 'f') {
            __builtin_trap();
        } else if (byte == 'o') {
            overrun();
        } else if (byte == 'h') {
            for (;;) {
            }
        } else if (byte == 's') {
            uint32_t depth = 0;
            print_line("deep ", dive(&depth));
        } else {
            board_send(byte);
        }
    }
}
