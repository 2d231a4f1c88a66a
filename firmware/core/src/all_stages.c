#include "inhibition.h"

// In a file of its own, so that whoever wants one family does not link the other.
const naca_stages_t *naca_all_stages(void)
{
    static const naca_stages_t stages =
        STAGES(&naca_coded_family, &naca_spiking_family, &naca_inhibition_code);
    return &stages;
}
