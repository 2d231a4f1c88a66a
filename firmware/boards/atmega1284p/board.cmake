set(flags -mmcu=atmega1284p)
# Addresses have 16 bits here and sizes in the core 32: each of them narrows on its way to memcpy.
set(not_warned_of -Wno-conversion -Wno-pedantic)
set(sources ${board}/board.c)
set(flash ${board}/flash.c)
set(link ${board}/board.ld)
set(ring 256)
set(stack 1728)
