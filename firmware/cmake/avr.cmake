# 8-bit AVR with GCC and avr-libc. The processor (-mmcu=...) is the board's to say.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR avr)
set(CMAKE_C_COMPILER avr-gcc)
set(CMAKE_ASM_COMPILER avr-gcc)
# These two see into objects of -flto, which the plain ones do not.
find_program(CMAKE_AR avr-gcc-ar)
find_program(CMAKE_RANLIB avr-gcc-ranlib)

# A program cannot be linked without a board, so CMake's compiler check makes a library.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
