#include "hooks.hpp"

#include "average.hpp"
#include "got_hook.hpp"
#include "hoc_object.hpp"
#include "hoc_procedure.hpp"
#include "nrn_decl.hpp"
#include "stdrun.hpp"
#include "version_gate.hpp"

namespace heliox {

Settings settings_;

namespace {

using Token = neuron::model_sorted_token;
using FixedStep = void (*)(Token const&);
using FixedStepGroup = void (*)(Token const&, int);
using Records = void (*)(Token const&, NrnThread&);

FixedStep neuron_fixed_step = nullptr;
FixedStepGroup neuron_fixed_step_group = nullptr;
Pfrv neuron_finitialize = nullptr;
Proc* finitialize_entry = nullptr;
bool looked_for_stdrun = false; // at steps once only: the symbol table is a list

int neuron_steps_ = 0; // inside one another: NEURON's finitialize takes records too, but is no step

// NEURON's own steps: averages are found before and summed up within.
class NeuronSteps {
  public:
    NeuronSteps() {
        if (has_averages()) {
            averages_before_steps();
        }
        ++neuron_steps_;
    }
    ~NeuronSteps() { --neuron_steps_; }
};

// finitialize may be called from within a step.
class NoStep {
  public:
    NoStep() : before_(neuron_steps_) { neuron_steps_ = 0; }
    ~NoStep() { neuron_steps_ = before_; }

  private:
    int before_;
};

bool step_is_ours() { return settings_.enable != 0. && !cvode_active_; }

// Everything that must be up to date before the engine runs outside continuerun's loop.
void before_engine() {
    close_batch(); // inside a batch only a callback comes here: its memory is to be whole
    read_hoc_object();
    if (!looked_for_stdrun) {
        looked_for_stdrun = true;
        install_continuerun();
    }
}

void fixed_step(Token const& token) {
    if (step_is_ours()) {
        before_engine();
        if (engine_fixed_step(token)) {
            return;
        }
    }
    NeuronSteps const steps;
    neuron_fixed_step(token);
}

void fixed_step_group(Token const& token, int n) {
    if (step_is_ours()) {
        before_engine();
        if (engine_fixed_step_group(token, n)) {
            return;
        }
    }
    NeuronSteps const steps;
    neuron_fixed_step_group(token, n);
}

void fixed_records(Token const& token, NrnThread& nt);

GotHook& records_hook() {
    static GotHook hook("_Z23fixed_record_continuousRKN6neuron18model_sorted_tokenER9NrnThread",
                        reinterpret_cast<void*>(&nrn_version),
                        reinterpret_cast<void*>(&fixed_records));
    return hook;
}

// Also on NEURON's other threads.
void fixed_records(Token const& token, NrnThread& nt) {
    reinterpret_cast<Records>(records_hook().original())(token, nt);
    if (neuron_steps_ > 0) {
        add_to_averages(nt);
    }
}

void finitialize() {
    averages_new_run();
    NoStep const none;
    if (settings_.enable == 0. || !hooks_installed()) {
        neuron_finitialize();
        return;
    }
    looked_for_stdrun = false;
    before_engine();
    engine_finitialize(false);
    neuron_finitialize();
    engine_finitialize(true);
}

GotHook& step_hook() {
    static GotHook hook("_Z14nrn_fixed_stepRKN6neuron18model_sorted_tokenE",
                        reinterpret_cast<void*>(&nrn_version),
                        reinterpret_cast<void*>(&fixed_step));
    return hook;
}

GotHook& group_hook() {
    static GotHook hook("_Z20nrn_fixed_step_groupRKN6neuron18model_sorted_tokenEi",
                        reinterpret_cast<void*>(&nrn_version),
                        reinterpret_cast<void*>(&fixed_step_group));
    return hook;
}

// A build of NEURON may inline or call directly: then some ways to advance would pass us by.
std::string find_ways_in() {
    struct Caller {
        char const* name;
        void const* code;
    };
    Caller const callers[] = {
        {"fadvance", reinterpret_cast<void const*>(&::fadvance)},
        {"batch_run", reinterpret_cast<void const*>(&::batch_run)},
        {"CVode.fixed_step", reinterpret_cast<void const*>(&::nrn_hoc2fixed_step)},
        {"psolve", reinterpret_cast<void const*>(&::ncs2nrn_integrate)}};
    std::string why = step_hook().find();
    if (why.empty()) {
        why = group_hook().find();
    }
    for (auto const& caller: callers) {
        if (why.empty()) {
            why = step_hook().check_caller(caller.name, caller.code);
        }
    }
    if (why.empty()) {
        why = group_hook().check_caller(callers[3].name, callers[3].code);
    }
    return why;
}

} // namespace

std::string install_hooks() {
    if (hooks_installed()) {
        return {};
    }
    if (!version_gate().empty()) {
        return version_gate();
    }
    std::string const why = find_ways_in();
    if (!why.empty()) {
        return "HX061 this build of NEURON cannot be hooked (" + why +
               "): plugin is off, your script runs in plain NEURON.";
    }
    Symbol* const symbol = built_in("finitialize");
    neuron_fixed_step = reinterpret_cast<FixedStep>(step_hook().original());
    neuron_fixed_step_group = reinterpret_cast<FixedStepGroup>(group_hook().original());
    step_hook().install();
    group_hook().install();
    finitialize_entry = symbol->u.u_proc;
    // after an uninstall, an entry that is not NEURON's belongs to a plugin whose chain still leads
    // here
    if (!neuron_finitialize || finitialize_entry->defn.pf == neuron_finitialize) {
        neuron_finitialize = finitialize_entry->defn.pf;
        finitialize_entry->defn.pf = &finitialize;
    }
    looked_for_stdrun = false;
    return {};
}

void uninstall_hooks() {
    if (!hooks_installed()) {
        return;
    }
    close_batch();
    restore_continuerun();
    step_hook().uninstall();
    group_hook().uninstall();
    unwatch_records();
    // a plugin that took the entry after us keeps calling ours, which then only passes on
    if (finitialize_entry->defn.pf == &finitialize) {
        finitialize_entry->defn.pf = neuron_finitialize;
    }
}

bool hooks_installed() { return step_hook().installed(); }

std::string watch_records() {
    std::string why = install_hooks();
    if (why.empty() && !records_hook().installed()) {
        why = records_hook().find();
        if (why.empty()) {
            why = records_hook().check_caller(
                "a step", reinterpret_cast<void const*>(&nrn_fixed_step_lastpart));
        }
        if (!why.empty()) {
            return "HX061 NEURON's own steps cannot be watched (" + why + ")";
        }
        records_hook().install();
    }
    return why;
}

void unwatch_records() { records_hook().uninstall(); }

void enabled_changed() {
    if (settings_.enable != 0. && hooks_installed()) {
        install_continuerun();
    }
}

void fixed_step_in_batch(Token const& token) {
    if (!engine_fixed_step(token)) {
        NeuronSteps const steps;
        neuron_fixed_step(token);
    }
}

} // namespace heliox
