// Where NEURON's time stepping enters the engine.
//
// Two pointers in libnrniv's global offset table carry fadvance, run, continuerun, psolve,
// batch_run and CVode.fixed_step; the symbol table entry of finitialize carries initialisation.
#pragma once

#include <string>

#include "engine_entry.hpp"

namespace heliox {

// Called when enable first becomes non-zero; until then NEURON is untouched. Again: nothing
// happens. Empty string, or "HX060 ..." (version) or "HX061 ..." (no way in): nothing is patched
// then.
HELIOX_API std::string install_hooks();
// NEURON as it was. Safe from a callback of a running step.
HELIOX_API void uninstall_hooks();
HELIOX_API bool hooks_installed();

// While there are averages NEURON's own steps are watched too, where they take records; otherwise they are not. Empty
// string, or why they cannot be.
HELIOX_API std::string watch_records();
HELIOX_API void unwatch_records();

// Call after setting settings().enable: takes continuerun's batch path into use when stdrun is
// loaded.
HELIOX_API void enabled_changed();

// A fixed step of continuerun's loop: engine, else NEURON.
void fixed_step_in_batch(neuron::model_sorted_token const& token);

} // namespace heliox
