# libheliox_mod.so: the MOD files of mod/, translated by NEURON's nocmodl.
#
# What nrnivmodl does, without its make, its `special` and its rpath (NEURON is loaded before).
set(MECHANISMS_DIR "${CMAKE_CURRENT_BINARY_DIR}/mechanisms")
file(MAKE_DIRECTORY "${MECHANISMS_DIR}")
file(GLOB MOD_FILES CONFIGURE_DEPENDS mod/*.mod)
set(MOD_SOURCES mod/register.cpp)
foreach(mod IN LISTS MOD_FILES)
    get_filename_component(name "${mod}" NAME_WE)
    # nocmodl writes the path it is given into the source: no path of the build in the library
    add_custom_command(
        OUTPUT "${MECHANISMS_DIR}/${name}.cpp"
        COMMAND ${CMAKE_COMMAND} -E env "MODLUNIT=${Neuron_DATA_DIR}/share/nrn/lib/nrnunits.lib"
                "${Neuron_DATA_DIR}/bin/nocmodl" "${name}.mod" -o "${MECHANISMS_DIR}"
        WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/mod"
        DEPENDS "${mod}"
        COMMENT "nocmodl ${name}.mod"
        VERBATIM)
    list(APPEND MOD_SOURCES "${MECHANISMS_DIR}/${name}.cpp")
endforeach()
add_library(heliox_mod SHARED ${MOD_SOURCES})
target_link_libraries(heliox_mod PRIVATE neuron::nrniv)
target_compile_options(heliox_mod PRIVATE -w -O2) # generated
set_target_properties(heliox_mod PROPERTIES INSTALL_RPATH "")
install(TARGETS heliox_mod LIBRARY DESTINATION heliox_neuron COMPONENT package)
