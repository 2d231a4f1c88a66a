# The board has a Cortex-M3. QEMU puts others in its place, for which the program can be built as well.
set(NACA_BOARD_CPU cortex-m3 CACHE STRING "processor: cortex-m3, -m4, -m7 or -m33")
set(flags -mcpu=${NACA_BOARD_CPU} -mthumb -mfloat-abi=soft)
set(sources ${common}/cortex_m.c ${board}/board.c)
set(link -nostartfiles --specs=nano.specs -T${board}/board.ld)
set(ring 1024)
set(stack 2560)
