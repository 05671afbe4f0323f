// Entry point for NEURON without Python: `nrniv -dll libheliox.so model.hoc` or `nrn_load_dll(path)`.

#include <cstdio>

#include "hoc_object.hpp"
#include "hooks.hpp"

// hoc assigns heliox.enable without telling anyone, so the hooks are in place from the start; a step with
// enable = 0 costs them one load and one branch. Where the plugin has to stay off, the object is there all
// the same and the script runs in plain NEURON.
extern "C" __attribute__((visibility("default"))) void modl_reg() {
    heliox::define_hoc_object();
    std::string const problem = heliox::install_hooks();
    if (!problem.empty()) { std::fprintf(stderr, "%s\n", problem.c_str()); }
}
