# What a project and a component call of ESP-IDF, for this machine: a stand-in, so that both can be
# run without ESP-IDF. EXTRA_COMPONENT is what main/idf_component.yml names.
set(stand_in ${CMAKE_CURRENT_LIST_DIR}/../..)

function(idf_component_register)
    cmake_parse_arguments(PARSE_ARGV 0 own "" "" "SRCS;INCLUDE_DIRS")
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME name)
    add_library(${name} STATIC ${own_SRCS})
    foreach(folder ${own_INCLUDE_DIRS})
        target_include_directories(${name} PUBLIC ${folder})
    endforeach()
endfunction()

macro(project name)
    _project(${name} LANGUAGES C)
    set(CMAKE_C_STANDARD 17)
    add_compile_options(-Wall -Wextra -Werror)
    execute_process(COMMAND ${PYTHON} ${stand_in}/../kconfig.py ${EXTRA_COMPONENT}/Kconfig none
        ${CMAKE_BINARY_DIR}/config.cmake COMMAND_ERROR_IS_FATAL ANY)
    include(${CMAKE_BINARY_DIR}/config.cmake)
    add_subdirectory(${EXTRA_COMPONENT} component)
    add_subdirectory(main)
    cmake_path(GET EXTRA_COMPONENT FILENAME component)
    target_link_libraries(main PUBLIC ${component}) # main requires all components
    file(WRITE ${CMAKE_BINARY_DIR}/start.c "void app_main(void); int main(void) { app_main(); }\n")
    add_executable(app ${CMAKE_BINARY_DIR}/start.c)
    target_link_libraries(app PRIVATE main)
endmacro()
