#include "version_gate.hpp"

#include <dlfcn.h>

#include <cstdio>

#include "hoc_procedure.hpp"
#include "nrn_decl.hpp"

namespace heliox {
namespace {

bool same_library(void const* a, void const* b) {
    Dl_info one, other;
    return dladdr(a, &one) && dladdr(b, &other) && one.dli_fbase == other.dli_fbase;
}

// Fields of Symbol and Proc, seen through symbols whose contents are known.
bool layouts_match() {
    Symbol const* time = built_in("t");
    Symbol const* step = built_in("dt");
    Symbol const* stop = built_in("stoprun");
    Symbol const* advance = built_in("fadvance");
    Symbol const* initialize = built_in("finitialize");
    if (!time || !step || !stop || !advance || !initialize) {
        return false;
    }
    return time->subtype == USERDOUBLE && time->u.pval == &t && step->u.pval == &dt &&
           step->type == time->type && stop->subtype == USERINT && stop->u.pvalint == &stoprun &&
           advance->type == initialize->type && advance->type != time->type &&
           initialize->u.u_proc &&
           same_library(reinterpret_cast<void const*>(initialize->u.u_proc->defn.pf),
                        reinterpret_cast<void const*>(&nrn_version));
}

std::string find_out() {
    char const* version = nrn_version(0);
    if (!version) {
        version = "of unknown version";
    }
    int major = 0, minor = 0;
    bool const known =
        std::sscanf(version, "%d.%d", &major, &minor) == 2 && major == 9 && minor == 0;
    if (!known) {
        return std::string("HX060 NEURON ") + version +
               " is not a tested version (9.0.0-9.0.2): plugin is off, your script runs in plain "
               "NEURON.";
    }
    if (!layouts_match()) {
        return std::string("HX060 NEURON ") + version +
               " is not built as expected (the layout of its symbols differs): plugin is off, your "
               "script runs in plain NEURON.";
    }
    return {};
}

} // namespace

std::string const& version_gate() {
    static std::string const message = find_out();
    return message;
}

} // namespace heliox
