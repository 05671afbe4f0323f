// The two heavy passes of a fixed step, over the blocks of one thread's image.
//
// currents_and_solve: NEURON's nrn_rhs, nrn_lhs, nrn_solve, nrn_update_voltage (and capacity current, fast
//   i_membrane). states: nonvint's loop over memb_func.state. What lies between (events, plays, transfer,
//   records) is NEURON's own and is called by src/bridge/fixed_step.cpp.
#pragma once

#include "image.hpp"

namespace heliox {

struct StepInput {
    double t;       // ms: nt._t at the time of the pass
    double dt;      // ms
    double cj;      // 1/ms
    double celsius; // degC
    int secondorder;
    bool fast_imem;
    bool lean;         // see hx_args
    bool keep_rhs;     // rhs of the nodes is read after the pass
    void const* token; // NEURON's sorted-model token, for host mechanisms
    double (*nernst_coefficient)(int ion_type);
};

// Both use `n_thread` threads of the pool; the bits do not depend on their number.
// Returns the block with a NaN in v after the update, or -1.
int currents_and_solve(ThreadImage& thread, StepInput const& input, int n_thread);
void states(ThreadImage& thread, StepInput const& input, int n_thread);

// Both in one go over each block, for lean steps of a thread with slots in which nothing happens between the
// passes (no plays, callbacks, transfer). `later` is the input of the states.
int whole_step(ThreadImage& thread, StepInput const& now, StepInput const& later, int n_thread);

} // namespace heliox
