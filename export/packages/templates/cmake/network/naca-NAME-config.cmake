include(CMakeFindDependencyMacro)
find_dependency(naca @{version} COMPONENTS @{library})
include(${CMAKE_CURRENT_LIST_DIR}/naca-@{name}-targets.cmake)
