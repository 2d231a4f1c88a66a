set(flags -mcpu=cortex-m4 -mthumb -mfloat-abi=soft)
set(sources ${common}/cortex_m.c ${board}/board.c)
set(link -nostartfiles --specs=nano.specs -T${board}/board.ld)
set(ring 1024)

set(NACA_BOARD_FLASH ram CACHE STRING "Where learned state goes: ram, for QEMU, or chip")
if(NACA_BOARD_FLASH STREQUAL chip)
    set(flash ${board}/flash.c)
endif()
