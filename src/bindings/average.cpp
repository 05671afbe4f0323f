#include "average.hpp"

#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "../bridge/average.hpp"
#include "../bridge/hooks.hpp"
#include "arrays.hpp"

using namespace heliox;

namespace {

// Only while there are averages NEURON's own steps are watched.
void watch() {
    std::string const why = watch_records();
    if (!why.empty()) {
        throw std::runtime_error(why);
    }
}

int add_column(std::string const& column, double begin, double end, bool relu) {
    watch();
    int const id = add_average(column, {begin, end, relu});
    if (id < 0) {
        throw py::key_error(column);
    }
    return id;
}

int add_pointers(int index, long n, double begin, double end, bool relu) {
    watch();
    return add_average_of_pointers(index, n, {begin, end, relu});
}

void drop(int id) {
    drop_average(id);
    if (average_ids().empty()) {
        unwatch_records();
    }
}

// Making a Python object may run the garbage collector, which may drop any average that nobody holds: what is
// needed is copied first.
py::dict state(int id) {
    AverageState const* const average = find_average(id);
    if (!average) {
        throw std::out_of_range("no such average");
    }
    AverageState const copy = *average;
    py::dict result;
    result["sum"] = copied(copy.sum);
    result["count"] = copy.count;
    result["problem"] = copy.problem;
    result["version"] = copy.version;
    return result;
}

// -1: it is gone.
long version(int id) {
    AverageState const* const average = find_average(id);
    return average ? average->version : -1;
}

// Finds the elements; (id, begin, end, relu) of each whose elements are there.
py::list listed() {
    averages_before_steps();
    py::list result;
    for (int id: average_ids()) {
        AverageState const* const average = find_average(id);
        if (average && average->problem.empty()) {
            AverageWindow const window = average->window;
            result.append(py::make_tuple(id, window.begin, window.end, window.relu));
        }
    }
    return result;
}

// False: nothing was set, because it is gone or has changed since `version`.
bool set_sum(int id, Array<double> const& sum, long count, long version) {
    AverageState const* const average = find_average(id);
    if (!average || average->version != version) {
        return false;
    }
    if (sum.size() != (py::ssize_t)average->sum.size()) {
        throw std::invalid_argument("an element each");
    }
    set_average(id, sum.data(), count);
    return true;
}

} // namespace

void bind_average(py::module_& m) {
    m.def("average_column", &add_column);
    m.def("average_pointers", &add_pointers);
    m.def("average_drop", &drop);
    m.def("average_reset", &reset_average);
    m.def("average_state", &state);
    m.def("average_version", &version);
    m.def("average_set", &set_sum);
    m.def("average_addresses", [](int id) { return copied(average_addresses(id)); });
    m.def("averages", &listed);
}
