// What the hooks ask of the engine, and the settings both read.
//
// The hooks (hooks.cpp, stdrun.cpp, hoc_object.cpp) call these; the engine defines them. All run on
// the interpreter's thread. They may throw NEURON's hoc errors: every frame between here and NEURON
// is RAII.
#pragma once

#include <string>

#include "api.hpp"

namespace neuron {
struct model_sorted_token;
}

namespace heliox {

struct Settings {
    double enable = 0; // a double: hoc writes it in place
    int threads = 0;   // 0: choose
    int strict = 0;
    int progress = 0;
    std::string device = "auto";
    std::string fidelity = "exact";
    std::string solver = "auto"; // of the device: "hines", "dhs", "contract"
    std::string plan = "auto";   // of the device: "fused", "streams", "coupled"
};

// A plain object, so that "is it enabled" is one load.
HELIOX_API extern Settings settings_;
inline Settings& settings() { return settings_; }

// One fixed step. True: done by the engine, t included. False: the caller runs NEURON's own
// function.
bool engine_fixed_step(neuron::model_sorted_token const& token);

// psolve's n steps with NEURON's nrn_fixed_step_group semantics; same result as above. False: n is what
// remains for NEURON.
bool engine_fixed_step_group(neuron::model_sorted_token const& token, int& n);

// Inside a batch: up to n steps by the device engine. How many were done; 0: it does not take them. Returns
// early when the interpreter has run, or at the wall clock time pause_at (s, 0: never).
long engine_device_steps(neuron::model_sorted_token const& token, long n, double t_stop,
                         double pause_at);

// Between begin and end the steps come from continuerun's loop and the interpreter runs only from
// within a step (hoc events, callbacks). t_stop: steps go on while t < t_stop - hoc_epsilon. A
// batch may end without engine_batch_last_step: stoprun from an event, an error, a callback that
// advances itself. engine_end_batch must not throw while `std::uncaught_exceptions()` is not zero.
void engine_begin_batch(double t_stop);
void engine_end_batch();

// The next step is the last of the batch: what it computes is seen by the interpreter.
void engine_batch_last_step();

// Around NEURON's finitialize. `after` follows each `before` unless finitialize raised an error.
void engine_finitialize(bool after);

// Polled by continuerun's loop between steps. True: stop at the next step boundary with hoc's own
// "interrupted" error; the engine clears its flag.
bool engine_interrupted();

// Text of heliox.report(), explain() and verify() where there is no Python.
std::string engine_report_text();
std::string engine_explain_text();
std::string engine_verify_text();

} // namespace heliox
