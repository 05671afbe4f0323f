// Vector.record and Vector.play as a device engine needs them.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>
#include <vector>

struct PlayRecord;

namespace heliox {

struct VectorView;

struct DeviceRecord {
    // "y": Vector.record(x), "t": of the time, "dt": at intervals, "discrete": at given times,
    // "play": continuous, "play_step": at its events, "graph"
    std::string kind;
    uint64_t address = 0;    // of the variable; 0 for "t" and "graph"
    bool continuous = false; // takes part in each step (finitialize has seen it)
    bool statement = false;  // Vector.play("statement", ...)
    // The variable is no column of the model (an artificial cell's, hoc's own): in windows the host records it.
    bool host = false;
    PlayRecord* record = nullptr;
    VectorView* y = nullptr;
    VectorView* times = nullptr; // of plays and given times, where there are any
};

// All of NEURON's, in their order; read anew at each call, but once only while a device engine is asked. Throws std::runtime_error when NEURON's objects do
// not look as expected.
HELIOX_API std::vector<DeviceRecord> const& device_records();

// As m calls of the record's continuous(): "y" and "t" only (std::invalid_argument).
HELIOX_API void device_append(int index, double const* values, long m);

// The same for several records: values is [m, n_record], a row a step.
HELIOX_API void device_append_rows(int const* index, long n_record, double const* values, long m);

// What APCount does with its Vector, an IvocVect, when its n has become n at te: the last of n elements is te.
HELIOX_API void device_counted(uint64_t vector, int n, double te);

// Index of a record in the list that device_records() made last, or -1.
int device_record_index(PlayRecord const* record);

std::vector<DeviceRecord> const& device_records_read();
void forget_device_records();

} // namespace heliox
