// Means over a window of time, summed up while steps are done: nothing is kept per step (heliox.average).
//
// A sample is an element's value where Vector.record takes its own: at the end of a step, t then. It belongs
// to the window (begin, end] if the middle of the step, t - dt/2, lies in it. Sums are in order of time, from 0.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <string>
#include <vector>

struct NrnThread;

namespace heliox {

struct AverageWindow {
    double begin = 0, end = 0; // ms
    bool relu = false;         // max(x, 0) in place of x
};

struct AverageState {
    std::vector<double> sum; // an element each
    long count = 0;          // samples
    unsigned version = 0;    // of sum and count: the host changed them
    std::string problem;     // why there is no mean: the elements are gone
    AverageWindow window;
};

// Of all elements of a column (columns.hpp). -1: there is no such column, or a script cannot see it.
HELIOX_API int add_average(std::string const& column, AverageWindow const& window);

// Of the n variables that hoc's PtrVector[index] points to. Throws std::invalid_argument where one is no RANGE variable:
// only of those NEURON tells when they move or go.
HELIOX_API int add_average_of_pointers(int index, long n, AverageWindow const& window);

HELIOX_API void drop_average(int id);
HELIOX_API void reset_average(int id);

// Null for an id that was dropped. Python's garbage collector drops at any moment in which Python's objects are made.
HELIOX_API AverageState const* find_average(int id);
HELIOX_API std::vector<int> average_ids();
// Where the elements are now; empty if they, or the average, are gone.
HELIOX_API std::vector<uint64_t> average_addresses(int id);
// What a device summed up: it has taken the state's version. Throws std::out_of_range for an id that was dropped.
HELIOX_API void set_average(int id, double const* sum, long count);

bool has_averages();
void averages_new_run(); // finitialize: an average belongs to one run
// Before steps, model data sorted: finds the elements anew.
HELIOX_API void averages_before_steps();
// In a step, where records are taken: the elements of this thread.
void add_to_averages(NrnThread const& nt);
// Elements that steps from here on may look at.
void averages_observed(std::vector<double const*>& addresses);

} // namespace heliox
