// VarStruct, the C++ side: where a named quantity lies in NEURON's memory right now.
#pragma once

#include "api.hpp"

#include <string>
#include <vector>

namespace heliox {

struct Column {
    double* data = nullptr;
    long count = 0; // instances
    int dim = 1;    // length of an array variable
    std::string unit, owner;
};

// "v", "area", "i_membrane_", "rhs", "d", "a", "b" of all nodes, or "<mechanism>.<variable>" of all
// instances of a mechanism ("hh.m", "ExpSyn.g", "na_ion.ena", "capacitance.cm"), in NEURON's order: by
// thread, then by node. data is null when there is no such column; count may be 0.
HELIOX_API Column find_column(std::string const& name);

// Brings NEURON's structure up to date (as an advance would) and counts its changes: a column's address is
// good while this number stays.
HELIOX_API unsigned columns_generation();

HELIOX_API std::vector<std::string> column_names();

} // namespace heliox
