# How the library's parts are installed: the CMake package `naca` with one target for each of them, and
# a pkg-config file each. Nothing in them names the place, so that the folder can be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# naca_install_pc(FILE TARGET DESCRIPTION [REQUIRES...]): the pkg-config file FILE.pc.
function(naca_install_pc pc_name target pc_description)
    get_target_property(pc_library ${target} OUTPUT_NAME)
    get_target_property(pc_version naca_core VERSION)
    string(JOIN ", " pc_requires ${ARGN})
    set(folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    string(REGEX REPLACE "[^/]+" ".." pc_prefix ${folder})
    set(made ${CMAKE_CURRENT_BINARY_DIR}/${pc_name}.pc)
    configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/naca.pc.in ${made} @ONLY)
    install(FILES ${made} DESTINATION ${folder})
endfunction()

# naca_install_part(TARGET FILE DESCRIPTION [REQUIRES...]): a library, the headers beside it, FILE.pc.
function(naca_install_part target pc_name description)
    install(TARGETS ${target} EXPORT naca INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    install(DIRECTORY include/ TYPE INCLUDE)
    naca_install_pc(${pc_name} ${target} ${description} ${ARGN})
endfunction()

# The package itself, once: it has what parts were installed, whichever they are.
function(naca_install_package)
    set(made ${CMAKE_CURRENT_BINARY_DIR})
    set(folder ${CMAKE_INSTALL_LIBDIR}/cmake/naca)
    configure_package_config_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/naca-config.cmake.in
        ${made}/naca-config.cmake INSTALL_DESTINATION ${folder})
    write_basic_package_version_file(${made}/naca-config-version.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${made}/naca-config.cmake ${made}/naca-config-version.cmake DESTINATION ${folder})
    install(EXPORT naca NAMESPACE naca:: FILE naca-targets.cmake DESTINATION ${folder})
endfunction()
