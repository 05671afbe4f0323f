// The engine's state as the bindings and the hoc object read it.
#pragma once

#include "api.hpp"

#include <functional>
#include <string>
#include <vector>

#include "freeze.hpp"

namespace heliox {

// A stretch of steps of one kind in one engine: a line of heliox.report().
struct RunRecord {
    std::string kind;   // "psolve", "continuerun", "fadvance"
    std::string engine; // "gpu", "cpu", "neuron"
    std::string plan;   // "blocks", "staged"; of the GPU "fused", "coupled", "streams"
    std::string code, reason;
    double t_start = 0, t_stop = 0; // ms
    long steps = 0;
    double seconds = 0, freeze_seconds = 0, compile_seconds = 0;
    int threads = 1;
    bool host_mechanisms = false;
    long host_steps = 0; // of a "gpu" run: steps that the CPU engine did in between
    long host_syncs = 0; // of a "gpu" run: how often NEURON's memory was brought up to date
    std::string where; // of a "gpu" run of single steps: what asked for the first one, "file:line"
};

struct Callbacks {
    std::function<void(std::string const& code, std::string const& message)> warn;
    std::function<void(double t, double t_stop)> progress;
    std::function<bool()> interrupted;     // Ctrl-C is pending
    std::function<void()> raise_interrupt; // make the interpreter see it again
};

HELIOX_API Callbacks& callbacks();
HELIOX_API Model const* current_model();
HELIOX_API StepRefusal const& last_refusal();
HELIOX_API std::vector<RunRecord>& run_records();
HELIOX_API int engine_threads();
HELIOX_API void freeze_now();         // as the next advance would
HELIOX_API std::string solver_text(); // shapes and methods of the tree solver
HELIOX_API void warn(std::string const& code, std::string const& message);

} // namespace heliox
