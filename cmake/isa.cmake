# Code that exists once per instruction set, chosen at run time. docs/design/kernels.md has the flags.
#
# HX_ISAS: "v2;v3;v4" on x86-64 (SSE4.2, AVX2+FMA, AVX-512), empty elsewhere.
include(CheckCXXCompilerFlag)

set(HX_WIDTH_v2 2)
set(HX_WIDTH_v3 4)
set(HX_WIDTH_v4 8)
set(HX_EXTRA_FLAGS_v4 -mprefer-vector-width=512)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    check_cxx_compiler_flag(-march=x86-64-v4 HX_HAVE_X86_64_LEVELS)
    if(NOT HX_HAVE_X86_64_LEVELS)
        message(FATAL_ERROR "The C++ compiler does not know -march=x86-64-v4: "
                            "GCC 11 or Clang 12 or newer is needed (found ${CMAKE_CXX_COMPILER_ID} "
                            "${CMAKE_CXX_COMPILER_VERSION}).")
    endif()
    set(HX_ISAS v2 v3 v4)
else()
    set(HX_ISAS "")
endif()

# Compiles `target` for one instruction set.
function(heliox_target_isa target isa)
    target_compile_options(${target} PRIVATE -march=x86-64-${isa} ${HX_EXTRA_FLAGS_${isa}}
                                             -fno-math-errno -fno-trapping-math)
    target_compile_definitions(${target} PRIVATE HX_WIDTH=${HX_WIDTH_${isa}} HX_ISA_NS=${isa})
endfunction()
