// What the program needs of the machine it runs on.

#ifndef PORT_H
#define PORT_H

/// Have `interrupt` called about a thousand times a second, whatever the program is doing then.
void port_start(void (*interrupt)(void));

/// Wait until an interrupt has come.
void port_sleep(void);

#endif
