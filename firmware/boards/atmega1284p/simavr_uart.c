// Runs an AVR program in simavr with its UART 0 on a socket: `simavr_uart DESCRIPTOR CHIP ELF`, the
// descriptor being that of a listening socket. Waits for a first connection; when it ends, for
// another. As QEMU does, it hands over a byte when the program has taken the last one: the model
// itself would lose bytes instead, at the speed of a host rather than that of a line.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_time.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HERTZ = 16000000, POLL_INSTRUCTIONS = 500, MOST_CRASHES = 8 };

typedef struct line {
    int listener;
    int connection;
    avr_irq_t *input;
    int is_open; // the UART has room
    uint8_t sent[256];
    size_t waiting;
} line_t;

static int answer(int listener)
{
    const int yes = 1;
    const int connection = accept(listener, NULL, NULL);
    (void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connection;
}

static void flush(line_t *line)
{
    const uint8_t *at = line->sent;
    while (line->waiting > 0) {
        const ssize_t count = send(line->connection, at, line->waiting, MSG_NOSIGNAL);
        if (count <= 0) {
            break; // the next look at the connection finds out
        }
        at += count;
        line->waiting -= (size_t)count;
    }
    line->waiting = 0;
}

static void on_output(avr_irq_t *irq, uint32_t value, void *param)
{
    line_t *line = param;
    (void)irq;
    line->sent[line->waiting++] = (uint8_t)value;
    if (line->waiting == sizeof line->sent) {
        flush(line);
    }
}

static void on_room(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    ((line_t *)param)->is_open = 1;
}

static void on_full(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    ((line_t *)param)->is_open = 0;
}

static void look(line_t *line)
{
    uint8_t byte;
    flush(line);
    if (line->connection < 0) {
        struct pollfd waiting = {line->listener, POLLIN, 0};
        if (poll(&waiting, 1, 0) == 1) {
            line->connection = answer(line->listener);
        }
        return;
    }
    while (line->is_open) {
        const ssize_t count = recv(line->connection, &byte, 1, MSG_DONTWAIT);
        if (count == 1) {
            avr_raise_irq(line->input, byte);
            continue;
        }
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(line->connection);
            line->connection = -1;
        }
        return;
    }
}

static line_t board_line = {-1, -1, NULL, 1, {0}, 0};

// The program waits for an interrupt: so does this one, but not longer than for the next byte.
static void doze(avr_t *avr, avr_cycle_count_t cycles)
{
    struct pollfd waiting = {
        board_line.connection < 0 ? board_line.listener : board_line.connection, POLLIN, 0};
    const uint32_t microseconds = avr_cycles_to_usec(avr, cycles);
    flush(&board_line);
    (void)poll(&waiting, 1, microseconds >= 1000 ? 1 : 0);
}

static avr_t *make_chip(const char *chip, const char *file)
{
    static elf_firmware_t firmware;
    avr_t *avr = avr_make_mcu_by_name(chip);
    if (avr == NULL || elf_read_firmware(file, &firmware) != 0) {
        fprintf(stderr, "simavr_uart: cannot run %s on %s\n", file, chip);
        exit(EXIT_FAILURE);
    }
    avr_init(avr);
    avr->frequency = HERTZ;
    avr->sleep = doze;
    avr_load_firmware(avr, &firmware);
    return avr;
}

int main(int argc, char **argv)
{
    uint32_t flags = 0; // neither on the console nor slowed down
    int crashes = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: simavr_uart DESCRIPTOR CHIP ELF\n");
        return 2;
    }
    board_line.listener = atoi(argv[1]);
    avr_t *avr = make_chip(argv[2], argv[3]);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    board_line.input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
                            on_output, &board_line);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON),
                            on_room, &board_line);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF),
                            on_full, &board_line);
    board_line.connection = answer(board_line.listener);
    for (;;) {
        for (int i = 0; i < POLL_INSTRUCTIONS; i++) {
            const int state = avr_run(avr);
            if (state == cpu_Crashed && crashes < MOST_CRASHES) {
                // A chip goes on with whatever its stack has left, until the watchdog resets it.
                crashes++;
                avr_reset(avr);
            } else if (state == cpu_Done || state == cpu_Crashed) {
                flush(&board_line);
                fprintf(stderr, "simavr_uart: the program has %s\n",
                        state == cpu_Done ? "ended" : "crashed");
                return EXIT_FAILURE;
            }
            if (state == cpu_Sleeping) {
                break;
            }
        }
        look(&board_line);
    }
}
