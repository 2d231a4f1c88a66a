// The program that is taught over a line: what the UART received goes to the link, answers go back.

#include "board.h"

enum {
    FRAME = BOARD_RING, // what waits in the ring is never longer than what can be taken
    // States and images are read in pieces of about this size.
    ANSWER = BOARD_RING / 16 * 5 > NACA_LINK_ANSWER ? BOARD_RING / 16 * 5 : NACA_LINK_ANSWER,
    REMEMBERED = 16,
    NAMES = BOARD_RING / 4, // bytes for what the owner calls classes
    PIECE = 32
};

static naca_link_t link;
static naca_remembered_t remembered[REMEMBERED];
static uint8_t names[NAMES];
// The link wants them aligned to 4, which even a word is not on an AVR.
static uint8_t frame[FRAME] __attribute__((aligned(4)));
static uint8_t answer[ANSWER] __attribute__((aligned(4)));

int main(void);

static void send(void *user, const uint8_t *data, uint32_t size)
{
    (void)user;
    for (uint32_t i = 0; i < size; i++) {
        board_send(data[i]);
    }
}

static uint32_t entropy(void *user)
{
    (void)user;
    return board_entropy();
}

static uint32_t overruns(void *user)
{
    (void)user;
    return board_overruns();
}

static uint32_t stack_used(void *user)
{
    (void)user;
    return board_stack_used();
}

static void progress(void *user)
{
    (void)user;
    board_feed();
}

int main(void)
{
    static naca_link_config_t config;
    board_paint_stack();
    board_start();
    board_watch();
    config.board = board_name;
    config.send = send;
    config.entropy = entropy;
    config.overruns = overruns;
    config.stack_used = stack_used;
    config.stack_size = (uint32_t)(board_stack_end - board_stack);
    config.progress = progress;
    config.frame = frame;
    config.frame_size = sizeof frame;
    config.answer = answer;
    config.answer_size = sizeof answer;
    config.remembered = remembered;
    config.remembered_count = REMEMBERED;
    config.workspace = board_workspace;
    config.workspace_size = (uint32_t)(board_workspace_end - board_workspace);
    config.window = BOARD_WINDOW;
    config.names = names;
    config.names_size = sizeof names;
    config.images = board_image_memory();
    config.state_flash = board_state_flash();
#ifdef BOARD_SIGNALS
    config.signals = naca_link_signals();
#endif
#ifdef BOARD_SENSOR
    config.sensor = board_link_sensor();
#endif
    const naca_status_t status = naca_link_init(&link, &config);
    if (status != NACA_OK) {
        board_fault(naca_status_name(status), 0, (uint32_t)status);
    }
    for (;;) {
        uint8_t piece[PIECE];
        board_feed();
#ifdef BOARD_SENSOR
        board_sense();
        (void)naca_link_sense(&link);
#endif
        const uint32_t count = board_receive(piece, sizeof piece);
        if (count == 0) {
            board_sleep();
        } else {
            naca_link_receive(&link, piece, count);
        }
    }
}
