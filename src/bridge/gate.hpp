// The bit gate: a kernel runs only after it gave NEURON's bits on this machine.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "freeze.hpp"

namespace heliox {

// Compares each kernel that was not compared yet with NEURON's own current, jacob and state on copies of
// the model's columns (everything is put back), at the model's state and at voltages from -110 to 70 mV.
// Returns the mechanism types that differ, with the first difference. A difference is remembered.
std::vector<std::pair<int, std::string>> gate_new_kernels(Model& model,
                                                          neuron::model_sorted_token const& token);

} // namespace heliox
