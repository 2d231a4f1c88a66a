#include <@{name}.h> // first: by this name Arduino finds the library

#include <Arduino.h>
#include <naca/naca.h>
@{signal_header}#include <stdarg.h>
#include <stdio.h>

#ifdef __AVR__
// What is constant lies in RAM on an AVR, the image too. The stack and Serial take the rest.
static_assert(@{ram} + 768L <= RAMEND - RAMSTART + 1L,
              "The network @{name} takes more RAM than this board has: train it with fewer "
              "--neurons-per-class or a smaller --max-kib; 'edge-naca inspect --board' says more.");
#endif

static void say(const char *format, ...)
{
    char line[64];
    va_list values;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    Serial.print(line);
}

@{body}
void setup()
{
    Serial.begin(115200);
    const naca_status_t status = run();
    if (status != NACA_OK)
        say("refused: %s\n", naca_status_name(status));
}

void loop()
{
}
