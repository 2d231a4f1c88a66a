# What a sample and a module call of Zephyr, for this machine: a stand-in, so that both can be run
# without Zephyr. The names are Zephyr's own; modules are linked whole, as there.
project(Zephyr-Kernel LANGUAGES C)
set(CMAKE_C_STANDARD 99)
add_compile_options(-Wall -Wextra -Werror)
add_executable(app)
add_library(zephyr_interface INTERFACE)
target_link_libraries(app PRIVATE zephyr_interface)

function(zephyr_include_directories)
    foreach(folder ${ARGV})
        target_include_directories(zephyr_interface INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
    endforeach()
endfunction()

macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC)
    target_link_libraries(${name} PRIVATE zephyr_interface)
    target_link_libraries(app PRIVATE -Wl,--whole-archive ${name} -Wl,--no-whole-archive)
endmacro()

function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()

function(zephyr_library_sources_ifdef symbol)
    if(${symbol})
        zephyr_library_sources(${ARGN})
    endif()
endfunction()

foreach(module ${ZEPHYR_EXTRA_MODULES})
    execute_process(COMMAND ${PYTHON} ${CMAKE_CURRENT_LIST_DIR}/../kconfig.py ${module}/Kconfig
        ${CMAKE_SOURCE_DIR}/prj.conf ${CMAKE_BINARY_DIR}/config.cmake COMMAND_ERROR_IS_FATAL ANY)
    include(${CMAKE_BINARY_DIR}/config.cmake)
    add_subdirectory(${module} module)
endforeach()
