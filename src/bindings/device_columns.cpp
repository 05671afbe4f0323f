// Columns and records in one call (src/bridge/device_columns.hpp, device_records.hpp).
#include <pybind11/stl.h>

#include "../bridge/device_cells.hpp"
#include "../bridge/device_columns.hpp"
#include "../bridge/device_model.hpp"
#include "../bridge/device_records.hpp"
#include "../bridge/watched.hpp"
#include "arrays.hpp"
#include "device.hpp"

using namespace heliox;

namespace {

// Pairs (NEURON's column, copy) of contiguous float64 arrays of equal length, which it keeps alive.
class Columns {
  public:
    explicit Columns(py::list const& pairs) : held_(pairs) {
        for (py::handle pair: pairs) {
            auto const given = pair.cast<std::pair<py::object, py::object>>();
            if (!py::isinstance<Strict>(given.first) || !py::isinstance<Strict>(given.second)) {
                throw py::type_error("a column and its copy are contiguous float64 arrays");
            }
            auto const both = pair.cast<std::pair<Strict, Strict>>();
            if (both.first.size() != both.second.size() || !both.second.writeable()) {
                throw py::value_error("a column and its copy have the same length");
            }
            columns_.push_back({const_cast<double*>(both.first.data()),
                                const_cast<double*>(both.second.data()), (long)both.first.size()});
        }
    }
    std::vector<int> take_over() const {
        py::gil_scoped_release const free;
        return device_take_over(columns_);
    }
    void give_back() const {
        py::gil_scoped_release const free;
        device_give_back(columns_);
    }

  private:
    using Strict = py::array_t<double, py::array::c_style>; // never a copy

    py::list held_;
    std::vector<DeviceColumn> columns_;
};

// Of device_records(): kind ("y", "t", ... as a number), address and flags (1 continuous, 2 statement, 4 host) of each.
py::tuple record_table() {
    auto const& records = device_records();
    return py::make_tuple(
        column<int8_t>(records,
                       [](DeviceRecord const& r) {
                           return (r.kind == "t") + 2 * (r.kind == "y") + 4 * (r.kind == "dt") +
                                  8 * (r.kind == "play") + 16 * (r.kind == "discrete") +
                                  32 * (r.kind == "play_step");
                       }),
        column<uint64_t>(records, [](DeviceRecord const& r) { return r.address; }),
        column<int8_t>(records, [](DeviceRecord const& r) {
            return r.continuous + 2 * r.statement + 4 * r.host;
        }));
}

void append_rows(Array<int> const& index, Array<double> const& values, long n_step) {
    if (values.size() < index.size() * n_step) {
        throw py::value_error("a value for each record and step");
    }
    device_append_rows(index.data(), index.size(), values.data(), n_step);
}

// What changes without the structure, except POINTERs: scalars of the step, and how often ion_style was called.
py::dict clock_dict() {
    DeviceClock const clock = device_clock();
    py::dict result;
    result["t"] = clock.t;
    result["dt"] = clock.dt;
    result["cj"] = clock.cj;
    result["celsius"] = clock.celsius;
    result["secondorder"] = clock.secondorder;
    result["ion_style"] = ion_style_calls();
    return result;
}

} // namespace

void bind_device_columns(py::module_& m) {
    py::class_<Columns>(m, "DeviceColumns")
        .def(py::init<py::list const&>())
        .def("take_over", &Columns::take_over)
        .def("give_back", &Columns::give_back);
    m.def("device_record_table", &record_table);
    m.def("device_append_rows", &append_rows);
    m.def("device_counted", &device_counted);
    m.def("device_is_of_artificial_cell", &device_is_of_artificial_cell);
    m.def("device_clock", &clock_dict);
}
