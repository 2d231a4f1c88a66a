// What Cortex-M boards share: the processor's own registers, start-up and tick.

#ifndef NACA_CORTEX_M_H
#define NACA_CORTEX_M_H

#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CORTEX_M_SYST_CSR REGISTER(0xE000E010)
#define CORTEX_M_SYST_RVR REGISTER(0xE000E014)
#define CORTEX_M_SYST_CVR REGISTER(0xE000E018)
#define CORTEX_M_ISER (&REGISTER(0xE000E100))
#define CORTEX_M_VTOR REGISTER(0xE000ED08)
#define CORTEX_M_AIRCR REGISTER(0xE000ED0C)
#define CORTEX_M_CFSR REGISTER(0xE000ED28)
#define CORTEX_M_CPACR REGISTER(0xE000ED88)
#define CORTEX_M_MPU_TYPE REGISTER(0xE000ED90)
#define CORTEX_M_MPU_CTRL REGISTER(0xE000ED94)
#define CORTEX_M_MPU_RBAR REGISTER(0xE000ED9C)
#define CORTEX_M_MPU_RASR REGISTER(0xE000EDA0)

/// SysTick at 1 kHz.
void cortex_m_start_tick(uint32_t hertz);

/// The tick's interrupt handler, also for boards whose tick is another timer.
void cortex_m_tick(void);
uint32_t cortex_m_ticks(void);

/// Let an interrupt of the table board_interrupts through.
void cortex_m_enable(uint32_t interrupt);

#endif
