// Artificial cells beside a device engine. They stay NEURON's: their events run while a window is made, ahead of the
// device, when NEURON's memory of everything else is that of the window's start.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>

#include "neuron_model.hpp"

namespace heliox {

// Where a POINTER leads; 0: it is not set, or VERBATIM keeps something else there.
uint64_t pointed_at(Datum const& datum);

// Whether a number is a variable of an artificial cell.
HELIOX_API bool device_is_of_artificial_cell(uint64_t address);

// The type of an artificial cell that has a POINTER to anything but artificial cells' variables; empty without one.
std::string artificial_cell_that_looks_out();

} // namespace heliox
