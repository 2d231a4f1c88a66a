#include "naca/naca.h"

// The text is made from the name itself, and without a default the compiler reports a status that
// was forgotten here: names and numbers cannot drift apart.
#define NAME(status) \
    case status:     \
        return #status

const char *naca_status_name(naca_status_t status)
{
    switch (status) {
        NAME(NACA_OK);
        NAME(NACA_ERR_ARGUMENT);
        NAME(NACA_ERR_ALIGNMENT);
        NAME(NACA_ERR_TRUNCATED);
        NAME(NACA_ERR_MAGIC);
        NAME(NACA_ERR_VERSION);
        NAME(NACA_ERR_CHECKSUM);
        NAME(NACA_ERR_SECTION);
        NAME(NACA_ERR_NETWORK);
        NAME(NACA_ERR_WORKSPACE);
        NAME(NACA_ERR_SAMPLE);
        NAME(NACA_ERR_LABEL);
        NAME(NACA_ERR_STATE);
        NAME(NACA_ERR_BUFFER);
    }
    return "NACA_UNKNOWN";
}
