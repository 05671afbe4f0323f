// heliox_neuron._solvers: the plans of tree solvers that take too long in Python (heliox_neuron/solvers). It needs
// no NEURON.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>

#include "dhs.hpp"
#include "forest.hpp"

namespace py = pybind11;
using namespace heliox::solvers;

namespace {

using Ints = py::array_t<int, py::array::c_style | py::array::forcecast>;

std::vector<int> numbers(Ints const& array) { return {array.data(), array.data() + array.size()}; }

// Rounds of a schedule, lanes of a round: a node or -1.
py::list rows(DhsSchedule const& schedule, int n_lane) {
    py::list out;
    for (size_t first = 0; first < schedule.lane.size(); first += n_lane) {
        auto const begin = schedule.lane.begin() + (long)first;
        out.append(std::vector<int>(begin, begin + n_lane));
    }
    return out;
}

py::tuple layout(Ints const& parent, int n_thread) {
    Forest const tree(numbers(parent));
    DhsLayout const plan = dhs_layout(tree, n_thread);
    py::list phases;
    for (auto const& warps: plan.phases) {
        py::list phase;
        for (auto const& schedule: warps) {
            phase.append(rows(schedule, plan.n_lane));
        }
        phases.append(phase);
    }
    py::set carried;
    for (int i = 0; i < tree.n_node(); ++i) {
        if (plan.carried[i]) {
            carried.add(i);
        }
    }
    return py::make_tuple(phases, carried);
}

py::tuple table(Ints const& parent, Ints const& slot, int n_thread) {
    if (slot.size() != parent.size()) {
        throw std::invalid_argument("slot: one place a node");
    }
    DhsTable const plan = dhs_table(Forest(numbers(parent)), numbers(slot), n_thread);
    py::array_t<int> const words((py::ssize_t)plan.words.size(),
                                 reinterpret_cast<int const*>(plan.words.data()));
    return py::make_tuple(words, plan.scratch_doubles, plan.rounds);
}

} // namespace

PYBIND11_MODULE(_solvers, module) {
    module.def(
        "n_level", [](Ints const& parent) { return Forest(numbers(parent)).n_level(); },
        py::arg("parent"), "Nodes on the longest way from a root to a tip.");
    module.def("dhs_layout", &layout, py::arg("parent"), py::arg("n_thread"),
               "(phases, warps, rounds, lanes: a node or -1), carried children.");
    module.def("dhs_table", &table, py::arg("parent"), py::arg("slot"), py::arg("n_thread"),
               "Words of the device, scratch doubles, rounds. ValueError for blocks too large.");
}
