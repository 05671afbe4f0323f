// continuerun (and with it run) without the hoc interpreter between steps.
//
// stdrun.hoc's continuerun keeps its symbol and type; its code becomes one instruction that either
// runs the same loop here or goes on in the original code. A user's later redefinition simply
// replaces ours. The loop here calls hoc wherever the user may have changed something: it must not
// be possible to tell the two apart.
#pragma once

namespace heliox {

// If stdrun.hoc is loaded and its continuerun is NEURON's own, gives it the batch instruction.
// Cheap to repeat; otherwise nothing happens.
void install_continuerun();
// The original code back; safe while continuerun runs.
void restore_continuerun();

// Ends the engine's batch if one is open, before anything else may look at the model.
// The loop opens it again at its next step.
void close_batch();

} // namespace heliox
