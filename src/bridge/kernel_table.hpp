// Which kernel serves which mechanism: built-in libraries, the disk cache, or Python's compiler.
#pragma once

#include "api.hpp"

#include <functional>
#include <string>
#include <vector>

#include "../kernels/abi.h"

namespace heliox {

HELIOX_API std::string sha256_hex(char const* text, size_t n);

// "x86-64-v4", "-v3", "-v2": the best this CPU runs (HELIOX_ISA overrides downwards); "" elsewhere.
HELIOX_API std::string const& isa();

struct KernelChoice {
    hx_kernel const* kernel = nullptr;
    bool none_needed = false; // neither current nor state: nothing to run
    std::string source;       // "builtin", "cache", "compiled"
    std::string code, reason; // why there is no kernel
    double seconds = 0;       // spent compiling
};

struct KernelRequest {
    int type;
    std::string name;
    char const* text; // MOD text, or nullptr
};

struct KernelAnswer {
    std::string name, status, path, code, reason;
    bool cached = false;
    double seconds = 0;
};

using Resolver = std::function<std::vector<KernelAnswer>(std::vector<KernelRequest> const&)>;

HELIOX_API void set_resolver(Resolver resolver);
HELIOX_API void
add_kernel_library(std::string const& path); // throws std::runtime_error when it cannot be loaded

// One choice for each request, in order; remembered for the life of the process.
std::vector<KernelChoice> choose_kernels(std::vector<KernelRequest> const& requests);

} // namespace heliox
