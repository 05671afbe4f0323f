// One fixed step in NEURON's order, with the heavy passes done by the CPU engine.
#pragma once

#include <atomic>
#include <string>

#include "freeze.hpp"

namespace heliox {

// How the next steps are to be done; read by all threads, written between steps.
struct StepPlan {
    Model* model = nullptr;
    bool lean = false;     // the interpreter sees nothing between this step and the next
    bool one_pass = false; // with lean: nothing comes between the currents and the states of a step
    int n_thread = 1;      // threads of our pool for one NrnThread
    void (*refresh)(neuron::model_sorted_token const&) = nullptr; // see engine.cpp
    std::atomic<int> nan_thread{-1}; // set when a NaN appeared: thread and block
    int nan_block = -1;
};

// NEURON's nrn_fixed_step and nrn_fixed_step_group. `before_step(i)` is called before step i of a group
// and may ask to stop after it by returning false.
void fixed_step(StepPlan& plan, neuron::model_sorted_token const& token);

class GroupWatch {
  public:
    virtual ~GroupWatch() = default;
    // May this step be lean, with so many steps after it. Asked by each NEURON thread for its own step.
    virtual bool lean(int remaining) const = 0;
    virtual bool go_on() = 0; // asked after each step
};
// Returns the number of steps done.
int fixed_step_group(StepPlan& plan, neuron::model_sorted_token const& token, int n,
                     GroupWatch& watch);

// Before steps that others do: t and dt to NEURON's threads where dt (or t, then `compared` is negative) changed.
void copy_dt(double compared);

} // namespace heliox
