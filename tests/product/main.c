// A product as somebody else might build it: a program of its own around the link. It takes no
// images over the line, keeps no saved states, and says who it is to people who listen with a
// terminal.

#include "board.h"

enum { REMEMBERED = 8, PIECE = 16 };

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

static const uint8_t *current_image(void *user, uint32_t *size)
{
    (void)user;
    return board_image_memory()->current(NULL, size);
}

int main(void)
{
    static naca_link_t link;
    static naca_remembered_t remembered[REMEMBERED];
    static uint8_t frame[512] __attribute__((aligned(4)));
    static uint8_t answer[160] __attribute__((aligned(4)));
    static const naca_image_memory_t images = {.current = current_image};
    static naca_link_config_t config = {
        .board = board_name,
        .send = send,
        .entropy = entropy,
        .frame = frame,
        .frame_size = sizeof frame,
        .answer = answer,
        .answer_size = sizeof answer,
        .remembered = remembered,
        .remembered_count = REMEMBERED,
        .window = BOARD_WINDOW,
        .images = &images,
    };
    board_start();
    board_print("\r\nA product, version 3\r\n");
    board_send(0); // text ends, frames begin
    config.workspace = board_workspace;
    config.workspace_size = (uint32_t)(board_workspace_end - board_workspace);
    if (naca_link_init(&link, &config) != NACA_OK) {
        board_fault("link", 0, 0);
    }
    for (;;) {
        uint8_t piece[PIECE];
        const uint32_t count = board_receive(piece, sizeof piece);
        if (count == 0) {
            board_sleep();
        } else {
            naca_link_receive(&link, piece, count);
        }
    }
}
