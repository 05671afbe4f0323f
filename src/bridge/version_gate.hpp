// Refuses NEURON versions whose structures we do not know.
#pragma once

#include <string>

#include "engine_entry.hpp"

namespace heliox {

// Empty: this NEURON is one we know. Else the HX060 message; nothing of NEURON has been touched.
// The answer is found once, at the first call.
HELIOX_API std::string const& version_gate();

} // namespace heliox
