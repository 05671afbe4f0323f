// Binding a kernel to the columns of one thread's instances.
#pragma once

#include <string>
#include <vector>

#include "freeze.hpp"

struct Memb_list;

namespace heliox {

// Names of a mechanism's columns, in NEURON's order.
std::vector<std::string> const& field_names(int type);

IonImage read_ion(Memb_list& ml, int type);

// Row of each instance's ion inside the thread's ion columns; false if the mechanism does not use that ion.
bool read_ion_rows(neuron::model_sorted_token const& token, Memb_list& ml, int type,
                   IonImage const& ion, std::vector<int>& rows);

// The process-wide use of a kernel, noted in the model.
KernelUse* use_of(Model& model, int type, hx_kernel const* kernel);

// Fills the mechanism's pointers and args. thread.ions must be read. Empty string, or why it cannot be bound.
std::string bind(neuron::model_sorted_token const& token, ThreadImage& thread, Memb_list& ml,
                 MechanismImage& mechanism);

} // namespace heliox
