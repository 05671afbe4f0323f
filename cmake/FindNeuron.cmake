# NEURON's headers and library, out of the Python wheel of the interpreter that builds.
#
# Looks the package up without importing it (importing loads hoc and prints a banner). Defines
#   Neuron_DATA_DIR   <site-packages>/neuron/.data
#   neuron::nrniv     imported library with its include folder; no rpath is wanted: after
#                     `import neuron` (or inside nrniv) the loader matches the SONAME.
execute_process(
    COMMAND
        "${Python_EXECUTABLE}" -c
        "import importlib.util as u, os; s = u.find_spec('neuron'); \
print(os.path.join(list(s.submodule_search_locations)[0], '.data') if s else '')"
    OUTPUT_VARIABLE Neuron_DATA_DIR
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

set(Neuron_LIBRARY "${Neuron_DATA_DIR}/lib/libnrniv${CMAKE_SHARED_LIBRARY_SUFFIX}")
include(FindPackageHandleStandardArgs)
if(NOT EXISTS "${Neuron_LIBRARY}" OR NOT EXISTS "${Neuron_DATA_DIR}/include/hocdec.h")
    set(Neuron_LIBRARY "Neuron_LIBRARY-NOTFOUND")
endif()
find_package_handle_standard_args(
    Neuron
    REQUIRED_VARS Neuron_LIBRARY Neuron_DATA_DIR
    REASON_FAILURE_MESSAGE "`pip install 'neuron>=9.0,<9.1'` into ${Python_EXECUTABLE}'s environment")

if(Neuron_FOUND AND NOT TARGET neuron::nrniv)
    add_library(neuron::nrniv SHARED IMPORTED)
    set_target_properties(
        neuron::nrniv
        PROPERTIES IMPORTED_LOCATION "${Neuron_LIBRARY}"
                   IMPORTED_SONAME "libnrniv${CMAKE_SHARED_LIBRARY_SUFFIX}"
                   INTERFACE_INCLUDE_DIRECTORIES "${Neuron_DATA_DIR}/include")
endif()
