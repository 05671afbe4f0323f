// Entry point for NEURON without Python: `nrniv -dll libheliox.so model.hoc` or
// `nrn_load_dll(path)`.

#include <cstdio>

#include "got_hook.hpp"
#include "hoc_object.hpp"
#include "hooks.hpp"
#include "nrn_decl.hpp"

namespace heliox {
namespace {

// hoc assigns heliox.enable without telling anyone, so the hooks are in place from the start; a
// step with enable = 0 costs them one load and one branch. Where the plugin has to stay off, the
// object is there all the same and the script runs in plain NEURON.
void start() {
    define_hoc_object();
    std::string const problem = install_hooks();
    if (!problem.empty()) {
        std::fprintf(stderr, "%s\n", problem.c_str());
    }
}

// nrn_load_dll makes the table of built-in names the one that new names go to; ours are a script's
// names.
class TopLevelNames {
  public:
    TopLevelNames() : current_(hoc_symlist), built_in_(hoc_built_in_symlist) {
        if (built_in_) {
            return;
        }
        hoc_built_in_symlist = hoc_symlist;
        hoc_symlist = hoc_top_level_symlist;
    }
    ~TopLevelNames() {
        hoc_symlist = current_;
        hoc_built_in_symlist = built_in_;
    }

  private:
    Symlist* current_;
    Symlist* built_in_;
};

// `nrniv -dll` comes before the interpreter can compile anything. This is the last thing that
// NEURON's hoc_init calls; nothing of the user's has been read then.
void after_hoc_init();

GotHook& hoc_init_hook() {
    static GotHook hook("_Z19hoc_install_hoc_objv", reinterpret_cast<void*>(&nrn_version),
                        reinterpret_cast<void*>(&after_hoc_init));
    return hook;
}

void after_hoc_init() {
    GotHook& hook = hoc_init_hook();
    hook.uninstall();
    reinterpret_cast<void (*)()>(hook.original())();
    start();
}

} // namespace
} // namespace heliox

extern "C" __attribute__((visibility("default"))) void modl_reg() {
    using namespace heliox;
    if (hoc_top_level_symlist) {
        TopLevelNames const names;
        start();
        return;
    }
    std::string const why = hoc_init_hook().find();
    if (why.empty()) {
        hoc_init_hook().install();
    } else {
        std::fprintf(stderr,
                     "HX061 -dll is too early in this build of NEURON (%s): use nrn_load_dll.\n",
                     why.c_str());
    }
}
