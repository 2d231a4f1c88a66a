// Received bytes on their way from the interrupt handler to the program: a ring with one writer and
// one reader, so that nothing has to be locked. An index is read and written in one piece.

#include "board.h"

#if BOARD_RING <= 256
typedef uint8_t place_t;
#elif defined(__AVR__)
#error "an AVR reads an index of 16 bits in two steps: its ring has 256 bytes at most"
#else
typedef uint16_t place_t;
#endif

static struct {
    volatile uint8_t bytes[BOARD_RING];
    volatile place_t in;  // the interrupt handler's
    volatile place_t out; // the program's
    volatile uint32_t lost;
} ring;

static place_t after(place_t place)
{
    return (place_t)((place + 1u) % BOARD_RING);
}

void board_lost(void)
{
    ring.lost++;
}

void board_received(uint8_t byte)
{
    const place_t in = ring.in;
    if (after(in) == ring.out) {
        board_lost();
        return;
    }
    ring.bytes[in] = byte;
    ring.in = after(in);
}

bool board_has_received(void)
{
    return ring.in != ring.out;
}

uint32_t board_receive(uint8_t *data, uint32_t size)
{
    uint32_t count = 0;
    place_t out = ring.out;
    while (count < size && out != ring.in) {
        data[count++] = ring.bytes[out];
        out = after(out);
    }
    ring.out = out;
    return count;
}

uint32_t board_overruns(void)
{
    uint32_t lost;
    do { // an 8-bit processor reads it piece by piece
        lost = ring.lost;
    } while (lost != ring.lost);
    return lost;
}
