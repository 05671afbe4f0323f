// NEURON's model as a device engine reads it: where its columns lie, and copies of its structure.
//
// Thread 0 only. Nothing is compiled and the CPU engine's image is not needed.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace heliox {

struct DeviceField {
    std::string name;
    double* data = nullptr; // [n, dim]
    int dim = 1;
};

struct DeviceIonRows {
    std::string ion;
    std::vector<int> row; // [n] in the columns of that ion
};

struct DevicePointer {
    int index = 0;                   // in dparam
    std::vector<uint64_t> addresses; // [n], 0 where the POINTER is not set
};

struct DeviceMechanism {
    int type = -1;
    std::string name;
    std::string kind; // "capacitance", "ion", "density", "point", "other"
    int n = 0;
    int const* node = nullptr;  // [n]
    char const* text = nullptr; // of the MOD file, or null
    bool has_current = false, has_state = false, has_receive = false;
    bool has_watch = false, before_after = false;
    int receive_size = 0; // numbers in a NetCon's weight
    std::vector<DeviceField> fields;
    std::vector<DeviceIonRows> ions;
    std::vector<DevicePointer> pointers;
};

struct DeviceIon {
    int type = -1;
    std::string name;
    int n = 0;
    int mechanism = 0;       // index into DeviceModel::mechanisms
    double* column[5] = {};  // erev, conci, conco, cur, dcurdv
    std::vector<int> style;  // [n]
    std::vector<int> nernst; // instances whose reversal potential follows the concentrations
    double charge = 0;
};

struct DeviceModel {
    unsigned generation = 0;
    int n_node = 0, n_cell = 0;
    int const* parent = nullptr; // [n_node]
    bool fast_imem = false;
    std::vector<DeviceField>
        node; // "v", "rhs", "d", "a", "b", "area" and with fast_imem "sav_rhs", "sav_d"
    std::vector<DeviceMechanism> mechanisms; // in the thread's order
    std::vector<DeviceIon> ions;
    int capacitance = -1; // index into mechanisms
};

// What device_model() holds counts these: structure and addresses.
HELIOX_API unsigned device_generation();

// Sets up NEURON's structure and reads it. Throws std::runtime_error with more than one thread.
HELIOX_API DeviceModel const& device_model();

// POINTERs and ion styles are read again: they change without the structure.
HELIOX_API DeviceModel const& device_model_reread();

// Instances of a type in device_model(): its index, or -1.
int device_mechanism_index(int type);

// number: an element of a hoc Vector that device_take_numbers() was told of; row: which of them.
enum class DeviceVariable : int8_t { unknown = 0, node = 1, mechanism = 2, time = 3, number = 4 };

struct DevicePlace {
    DeviceVariable kind = DeviceVariable::unknown;
    int index = -1;   // of the node's column, or of the mechanism
    int field = -1;   // column of the mechanism
    int row = -1;     // node or instance
    int element = -1; // of an array variable
};

HELIOX_API std::vector<DevicePlace> device_resolve(uint64_t const* addresses, size_t n);

// Sorted addresses that the device is to hold beside the model, instead of those of the last call: device_resolve()
// knows them from now on. Returns for each whether it is an element of a hoc Vector that nothing records into or
// plays; the others are not taken.
HELIOX_API std::vector<char> device_take_numbers(std::vector<uint64_t> const& addresses);

// A scalar of hoc ("celsius", "gmax_foo"), or null.
HELIOX_API double* device_global(std::string const& name);

struct DeviceClock {
    double t, dt, cj, celsius; // ms, ms, 1/ms, degC; cj follows secondorder when dt is set only
    int secondorder;
    int diameter_count; // of changes of diameters, and with them of areas
};
HELIOX_API DeviceClock device_clock();

} // namespace heliox
