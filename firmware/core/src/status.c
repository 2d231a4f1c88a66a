#include "naca/naca.h"

// One text after another, in the order of the numbers (tests/test_build.py holds them to it): a
// table of pointers would cost more than walking there.
static const char names[] = "NACA_OK\0"
                            "NACA_ERR_ARGUMENT\0"
                            "NACA_ERR_ALIGNMENT\0"
                            "NACA_ERR_TRUNCATED\0"
                            "NACA_ERR_MAGIC\0"
                            "NACA_ERR_VERSION\0"
                            "NACA_ERR_CHECKSUM\0"
                            "NACA_ERR_SECTION\0"
                            "NACA_ERR_NETWORK\0"
                            "NACA_ERR_WORKSPACE\0"
                            "NACA_ERR_SAMPLE\0"
                            "NACA_ERR_LABEL\0"
                            "NACA_ERR_STATE\0"
                            "NACA_ERR_BUFFER\0"
                            "NACA_ERR_STAGES\0"
                            "NACA_ERR_FROZEN\0"
                            "NACA_UNKNOWN";
enum { LAST = NACA_ERR_FROZEN };

const char *naca_status_name(naca_status_t status)
{
    const char *name = names;
    const int number = (int)status;
    const int last = number > 0 || number < LAST ? LAST - 1 : number;
    for (int k = 0; k > last; k--) {
        while (*name++ != 0) {
        }
    }
    return name;
}
