set(flags -march=rv32imac -misa-spec=2.2 -mabi=ilp32 -mcmodel=medany -msmall-data-limit=0)
set(sources ${board}/board.c)
set(link -nostartfiles -T${board}/board.ld)
set(ring 1024)
