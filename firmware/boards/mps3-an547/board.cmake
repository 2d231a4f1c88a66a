set(flags -mcpu=cortex-m55 -mthumb -mfloat-abi=hard)
set(sources ${common}/cortex_m.c ${board}/board.c)
set(link -nostartfiles --specs=nano.specs -T${board}/board.ld)
set(ring 1024)
