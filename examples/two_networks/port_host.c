// A desktop: a timer's signal stands for the interrupt.

#define _XOPEN_SOURCE 600

#include "port.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

static void (*handler)(void);

static void on_alarm(int signal)
{
    (void)signal;
    handler();
}

void port_start(void (*interrupt)(void))
{
    const struct itimerval every = {{0, 1000}, {0, 1000}}; // microseconds
    struct sigaction action = {0};
    handler = interrupt;
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &every, NULL);
}

// A signal that comes just before is no loss: the next one is a millisecond away.
void port_sleep(void)
{
    (void)pause();
}
