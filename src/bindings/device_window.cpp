// Windows of steps for a device engine (src/bridge/device_window.hpp): every array is a copy.
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>

#include "../bridge/device_order.hpp"
#include "../bridge/device_sources.hpp"
#include "../bridge/device_ties.hpp"
#include "../bridge/device_window.hpp"
#include "arrays.hpp"
#include "device.hpp"

using namespace heliox;

namespace {

bool const* flags_of(std::optional<Array<bool>> const& flags) {
    if (!flags) {
        return nullptr;
    }
    if ((size_t)flags->size() != device_sources_read().source.size()) {
        throw py::value_error("flags: one for each source");
    }
    return flags->data();
}

void check_sources(Array<int> const& indices) {
    auto const n = (int)device_sources_read().source.size();
    for (py::ssize_t i = 0; i < indices.size(); ++i) {
        if (indices.data()[i] < 0 || indices.data()[i] >= n) {
            throw py::index_error("no such source");
        }
    }
}

void spikes(Array<int> const& indices, std::optional<Array<bool>> const& flags) {
    check_sources(indices);
    device_spikes(indices.data(), (size_t)indices.size(), flags_of(flags));
}

py::array_t<double> weights_of(DeviceWindow const& window) {
    int width = 0;
    for (auto const& weight: window.weights) {
        width = std::max(width, weight.arity);
    }
    py::array_t<double> result({(py::ssize_t)window.weights.size(), (py::ssize_t)width});
    double* out = result.mutable_data();
    std::fill(out, out + result.size(), 0.);
    for (auto const& weight: window.weights) {
        std::copy(weight.address, weight.address + weight.arity, out);
        out += width;
    }
    return result;
}

template <class T>
std::vector<T> listed(std::optional<Array<T>> const& values) {
    return values ? std::vector<T>(values->data(), values->data() + values->size())
                  : std::vector<T>();
}

int check(DeviceWindow const& window, int step) {
    if (step < 0 || step >= window.n_step) {
        throw py::index_error("no such step in the window");
    }
    return step;
}

void check_size(bool right, char const* what) {
    if (!right) {
        throw py::value_error(what);
    }
}

// A column of `sent`, a dict of arrays of one length.
template <class T>
std::vector<T> sent_column(py::dict const& sent, char const* name, size_t n) {
    auto const values = sent[name].cast<Array<T>>();
    check_size((size_t)values.size() == n, "sent: columns of one length");
    return std::vector<T>(values.data(), values.data() + n);
}

std::vector<DeviceSent> sent_of(py::dict const& sent) {
    size_t const n = py::len(sent["kind"]);
    auto const kind = sent_column<int>(sent, "kind", n), step = sent_column<int>(sent, "step", n);
    auto const event = sent_column<int>(sent, "event", n);
    auto const mechanism = sent_column<int>(sent, "mechanism", n);
    auto const instance = sent_column<int>(sent, "instance", n);
    auto const weight = sent_column<int>(sent, "weight", n);
    auto const pending = sent_column<int>(sent, "pending", n);
    auto const at = sent_column<double>(sent, "at", n);
    auto const time = sent_column<double>(sent, "time", n);
    auto const flag = sent_column<double>(sent, "flag", n);
    auto const key =
        sent.contains("key") ? sent_column<int64_t>(sent, "key", n) : std::vector<int64_t>(n, -1);
    std::vector<DeviceSent> result;
    for (size_t i = 0; i < n; ++i) {
        result.push_back({(DeviceSent::Kind)kind[i], step[i], at[i], event[i], mechanism[i],
                          instance[i], time[i], flag[i], weight[i], pending[i], key[i]});
    }
    return result;
}

long window_done(DeviceWindow const& window, std::optional<Array<int>> const& spike_step,
                 std::optional<Array<int>> const& spike_source, std::optional<py::dict> const& sent,
                 std::optional<Array<int>> const& consumed,
                 std::optional<Array<int>> const& forgotten,
                 std::optional<Array<bool>> const& flags,
                 std::optional<Array<double>> const& weight,
                 std::optional<Array<double>> const& sample) {
    DeviceOutcome outcome;
    outcome.spike_step = listed(spike_step);
    outcome.spike_source = listed(spike_source);
    if (sent) {
        outcome.sent = sent_of(*sent);
    }
    outcome.consumed = listed(consumed);
    outcome.forgotten = listed(forgotten);
    check_size(outcome.spike_step.size() == outcome.spike_source.size(),
               "spike_source: one for each spike_step");
    if (spike_source) {
        check_sources(*spike_source);
    }
    outcome.flags = flags_of(flags);
    if (weight && !window.weights.empty()) {
        check_size(weight->ndim() == 2 && weight->shape(0) == (long)window.weights.size() &&
                       weight->shape(1) == weights_of(window).shape(1),
                   "weight: the shape of the window's");
        outcome.weights = weight->data();
        outcome.weight_width = (int)weight->shape(1);
    }
    if (sample) {
        check_size((size_t)sample->size() == window.samples.size(),
                   "sample: one for each of the window's");
        outcome.samples = sample->data();
    }
    return device_window_done(window, outcome);
}

// Columns of one length.
template <class T>
std::vector<T> table_column(py::dict const& table, char const* name) {
    auto const values = table[name].cast<Array<T>>();
    return std::vector<T>(values.data(), values.data() + values.size());
}

// None: the device's order was NEURON's; else (target, t, [(event, own), ...]).
py::object order(DeviceWindow const& window, Array<int> const& spike_step,
                 Array<int> const& spike_source, py::dict const& log, py::dict const& delivered,
                 py::dict const& fired) {
    check_sources(spike_source);
    DeviceFound found;
    found.spike_step.assign(spike_step.data(), spike_step.data() + spike_step.size());
    found.spike_source.assign(spike_source.data(), spike_source.data() + spike_source.size());
    auto& l = found.log;
    l.op = table_column<int>(log, "op");
    l.key = table_column<int64_t>(log, "key");
    l.event = table_column<int>(log, "event");
    l.own = table_column<int64_t>(log, "own");
    l.time = table_column<double>(log, "time");
    l.mechanism = table_column<int>(log, "mechanism");
    l.instance = table_column<int>(log, "instance");
    l.moved = table_column<int>(log, "moved");
    l.what = table_column<int64_t>(log, "what");
    found.delivered = {table_column<int64_t>(delivered, "target"),
                       table_column<int>(delivered, "event"),
                       table_column<int64_t>(delivered, "own")};
    found.fired = {table_column<int>(fired, "step"), table_column<int>(fired, "watch"),
                   table_column<int64_t>(fired, "own"), table_column<int64_t>(fired, "target")};
    py::list firsts;
    for (auto const& first: device_order(window, found)) {
        firsts.append(py::make_tuple(first.target, first.t, first.events));
    }
    return firsts;
}

template <class T, class Member>
auto event_column(Member member) {
    return [member](DeviceWindow const& window) { return column<T>(window.events, member); };
}

template <class Member>
auto pending_column(Member member) {
    return [member](DeviceWindow const& window) { return column<int>(window.pending, member); };
}

template <class T, class List, class Member>
auto touch_column(List list, Member member) {
    return [list, member](DeviceWindow const& window) { return column<T>(window.*list, member); };
}

template <class List>
void bind_touches(py::class_<DeviceWindow>& window, std::string const& prefix, List list) {
    using Touch = DeviceTouch;
    auto add = [&](char const* name, auto getter) {
        window.def_property_readonly((prefix + name).c_str(), getter);
    };
    add("step", touch_column<int>(list, [](Touch const& e) { return e.step; }));
    add("phase", touch_column<int8_t>(list, [](Touch const& e) { return e.phase; }));
    add("before", touch_column<int>(list, [](Touch const& e) { return e.before; }));
    add("order", touch_column<int>(list, [](Touch const& e) { return e.order; }));
    add("te", touch_column<double>(list, [](Touch const& e) { return e.te; }));
    add("record", touch_column<int>(list, [](Touch const& e) { return e.record; }));
    add("address", touch_column<uint64_t>(list, [](Touch const& e) { return e.address; }));
}

void bind_class(py::module_& m) {
    using Event = DeviceEvent;
    using Pending = DevicePending;
    py::class_<DeviceWindow> window(m, "DeviceWindow");
    window.def_readonly("n_step", &DeviceWindow::n_step)
        .def_readonly("stop", &DeviceWindow::stop)
        .def_readonly("dt", &DeviceWindow::dt)
        .def_property_readonly("t", [](DeviceWindow const& w) { return copied(w.t); })
        .def_property_readonly("t_half", [](DeviceWindow const& w) { return copied(w.t_half); })
        .def_property_readonly("event_step",
                               event_column<int>([](Event const& e) { return e.step; }))
        .def_property_readonly("event_phase",
                               event_column<int8_t>([](Event const& e) { return e.phase; }))
        .def_property_readonly("event_te",
                               event_column<double>([](Event const& e) { return e.te; }))
        .def_property_readonly("event_mechanism",
                               event_column<int>([](Event const& e) { return e.mechanism; }))
        .def_property_readonly("event_instance",
                               event_column<int>([](Event const& e) { return e.instance; }))
        .def_property_readonly("event_weight",
                               event_column<int>([](Event const& e) { return e.weight; }))
        .def_property_readonly("event_flag",
                               event_column<double>([](Event const& e) { return e.flag; }))
        .def_property_readonly("event_movable",
                               event_column<bool>([](Event const& e) { return e.movable; }))
        .def_property_readonly("pending_mechanism",
                               pending_column([](Pending const& p) { return p.mechanism; }))
        .def_property_readonly("pending_instance",
                               pending_column([](Pending const& p) { return p.instance; }))
        .def_property_readonly("pending_weight",
                               pending_column([](Pending const& p) { return p.weight; }))
        .def_property_readonly("weight", &weights_of)
        .def_property_readonly("weight_address",
                               [](DeviceWindow const& w) {
                                   return column<uint64_t>(w.weights, [](DeviceWeight const& x) {
                                       return reinterpret_cast<uint64_t>(x.address);
                                   });
                               })
        .def_property_readonly("weight_arity",
                               [](DeviceWindow const& w) {
                                   return column<int>(
                                       w.weights, [](DeviceWeight const& x) { return x.arity; });
                               })
        .def_property_readonly("play_address",
                               [](DeviceWindow const& w) { return copied(w.play_address); })
        .def_property_readonly("play",
                               [](DeviceWindow const& w) {
                                   return copied(w.play).reshape(
                                       {(long)w.n_step, 2L, (long)w.play_address.size()});
                               })
        .def_property_readonly("write_value", [](DeviceWindow const& w) {
            return column<double>(w.writes, [](DeviceTouch const& x) { return x.value; });
        });
    bind_touches(window, "write_", &DeviceWindow::writes);
    bind_touches(window, "sample_", &DeviceWindow::samples);
}

} // namespace

void bind_device_window(py::module_& m) {
    bind_class(m);
    m.def("device_spikes", &spikes, py::arg("source"), py::arg("flags") = py::none());
    m.def("device_window", &device_window, py::arg("n_max"), py::arg("device_types"),
          py::arg("moving_types") = std::vector<int>());
    m.def("device_window_done", &window_done, py::arg("window"), py::kw_only(),
          py::arg("spike_step") = py::none(), py::arg("spike_source") = py::none(),
          py::arg("sent") = py::none(), py::arg("consumed") = py::none(),
          py::arg("forgotten") = py::none(), py::arg("flags") = py::none(),
          py::arg("weight") = py::none(), py::arg("sample") = py::none());
    m.def("device_order_obstacle", &device_order_obstacle);
    m.def("device_order_begin", &device_order_begin, py::arg("serial"));
    m.def("device_order_receivers", &set_receivers, py::arg("types"), py::arg("senders"),
          py::arg("assign_more"));
    m.def("device_order_end", &device_order_end);
    m.def("device_order_serial", []() {
        auto const* const serial = device_order_serial();
        return serial ? py::cast(*serial) : py::none();
    });
    m.def("device_order_set_serial", &device_order_set_serial, py::arg("serial"));
    m.def("device_order_lost", &device_order_lost);
    m.def("device_order", &order);
    m.def("device_reference_step", [](DeviceWindow const& w, int j) {
        return copied(device_reference_step(w, check(w, j)));
    });
    m.def("device_reference_events", [](DeviceWindow const& w, int j) {
        return copied(device_reference_events(w, check(w, j)));
    });
}
