#include "@{name}.h"

#include <naca/naca.h>
@{signal_header}#include <stdio.h>

@{body}
int main(void)
{
    const naca_status_t status = run();
    if (status != NACA_OK)
        printf("refused: %s\n", naca_status_name(status));
    return 0; // Zephyr keeps other numbers for itself
}
