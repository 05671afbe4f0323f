// What a script calls a number of NEURON's: for messages.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>

namespace heliox {

// "soma(0.5).m_hh", "ExpSyn[2].tau", "NetCon[3].weight[0]", "celsius", "Vector[1].x[7]"; "a variable" for what
// has no name that we know (members of hoc templates and of other objects).
HELIOX_API std::string device_name(uint64_t address);

} // namespace heliox
