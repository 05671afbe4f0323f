// The model, the sources and the records of the device bridge (src/bridge/device_*.hpp).
//
// float64 arrays of the model are views of NEURON's memory, good while device_generation() stays; everything else is
// a copy.
#include "device.hpp"

#include <pybind11/stl.h>

#include <string>
#include <tuple>

#include "../bridge/device_model.hpp"
#include "../bridge/device_names.hpp"
#include "../bridge/device_records.hpp"
#include "../bridge/device_sources.hpp"
#include "../bridge/device_transfer.hpp"
#include "arrays.hpp"

using namespace heliox;

namespace {

py::object mod_text(char const* text) {
    if (!text) {
        return py::none();
    }
    // MOD files are often Latin-1; the hash is over their bytes
    return py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(
        text, (Py_ssize_t)std::char_traits<char>::length(text), "surrogateescape"));
}

py::dict fields(std::vector<DeviceField> const& all, long n) {
    py::dict result;
    for (auto const& field: all) {
        result[py::str(field.name)] = view(field.data, n, field.dim);
    }
    return result;
}

py::list pointers(DeviceMechanism const& mechanism) {
    py::list result;
    for (auto const& pointer: mechanism.pointers) {
        py::dict entry;
        entry["index"] = pointer.index;
        entry["address"] = copied(pointer.addresses);
        result.append(entry);
    }
    return result;
}

py::dict mechanism_of(DeviceMechanism const& mechanism) {
    py::dict entry;
    entry["type"] = mechanism.type;
    entry["name"] = mechanism.name;
    entry["kind"] = mechanism.kind;
    entry["n"] = mechanism.n;
    entry["node"] = copied(mechanism.node, mechanism.n);
    entry["text"] = mod_text(mechanism.text);
    entry["has_current"] = mechanism.has_current;
    entry["has_state"] = mechanism.has_state;
    entry["has_receive"] = mechanism.has_receive;
    entry["has_watch"] = mechanism.has_watch;
    entry["receive_size"] = mechanism.receive_size;
    entry["before_after"] = mechanism.before_after;
    entry["columns"] = fields(mechanism.fields, mechanism.n);
    py::dict rows;
    for (auto const& ion: mechanism.ions) {
        rows[py::str(ion.ion)] = copied(ion.row);
    }
    entry["ion_rows"] = rows;
    entry["pointers"] = pointers(mechanism);
    return entry;
}

py::dict ion_of(DeviceModel const& model, DeviceIon const& ion) {
    py::dict entry;
    entry["type"] = ion.type;
    entry["name"] = ion.name;
    entry["n"] = ion.n;
    entry["node"] = copied(model.mechanisms[ion.mechanism].node, ion.n);
    entry["mechanism"] = ion.mechanism;
    py::list columns;
    for (double* const data: ion.column) {
        columns.append(view(data, ion.n));
    }
    entry["columns"] = columns;
    entry["style"] = copied(ion.style);
    entry["nernst"] = copied(ion.nernst);
    entry["charge"] = ion.charge;
    return entry;
}

py::object capacitance_of(DeviceModel const& model) {
    if (model.capacitance < 0) {
        return py::none();
    }
    auto const& mechanism = model.mechanisms[model.capacitance];
    py::dict entry;
    entry["node"] = copied(mechanism.node, mechanism.n);
    entry["cm"] = view(mechanism.fields[0].data, mechanism.n);
    entry["i_cap"] = view(mechanism.fields[1].data, mechanism.n);
    entry["mechanism"] = model.capacitance;
    return entry;
}

py::dict model_dict() {
    DeviceModel const& model = device_model_reread();
    py::dict result;
    result["generation"] = model.generation;
    result["n_node"] = model.n_node;
    result["n_cell"] = model.n_cell;
    result["parent"] = copied(model.parent, model.n_node);
    result["fast_imem"] = model.fast_imem;
    result["node"] = fields(model.node, model.n_node);
    py::list mechanisms, ions;
    for (auto const& mechanism: model.mechanisms) {
        mechanisms.append(mechanism_of(mechanism));
    }
    for (auto const& ion: model.ions) {
        ions.append(ion_of(model, ion));
    }
    result["mechanisms"] = mechanisms;
    result["ions"] = ions;
    result["capacitance"] = capacitance_of(model);
    return result;
}

// What an engine compares before each stretch: scalars of the step, POINTERs and ion styles.
py::dict state_dict() {
    DeviceModel const& model = device_model_reread();
    py::dict result;
    DeviceClock const clock = device_clock();
    result["generation"] = model.generation;
    result["t"] = clock.t;
    result["dt"] = clock.dt;
    result["celsius"] = clock.celsius;
    result["secondorder"] = clock.secondorder;
    result["diameter_count"] = clock.diameter_count;
    py::list all_pointers, nernst;
    for (auto const& mechanism: model.mechanisms) {
        all_pointers.append(pointers(mechanism));
    }
    for (auto const& ion: model.ions) {
        nernst.append(copied(ion.nernst));
    }
    result["pointers"] = all_pointers;
    result["nernst"] = nernst;
    return result;
}

py::tuple resolve(Array<uint64_t> const& addresses) {
    auto const places = device_resolve(addresses.data(), (size_t)addresses.size());
    return py::make_tuple(column<int8_t>(places, [](DevicePlace const& p) { return p.kind; }),
                          column<int>(places, [](DevicePlace const& p) { return p.index; }),
                          column<int>(places, [](DevicePlace const& p) { return p.field; }),
                          column<int>(places, [](DevicePlace const& p) { return p.row; }),
                          column<int>(places, [](DevicePlace const& p) { return p.element; }));
}

py::array_t<double> global_view(std::string const& name) {
    double* const data = device_global(name);
    if (!data) {
        throw py::key_error(name);
    }
    return view(data, 1);
}

py::dict sources() {
    DeviceSources const& all = device_sources();
    py::dict result;
    result["address"] = copied(all.address);
    result["threshold"] = copied(all.threshold);
    result["delay"] = copied(all.delay);
    result["flag"] = column<bool>(all.flag, [](char flag) { return flag != 0; });
    result["point_delay"] = py::cast(all.point_delay);
    py::list watches;
    for (auto const& watch: all.watches) {
        watches.append(
            py::make_tuple(watch.type, watch.instance, watch.number, watch.above, watch.flag));
    }
    result["has_watch"] = !all.watches.empty();
    result["watch"] = watches;
    return result;
}

// (type, instance, number, above, flag) each, as sources()["watch"] has them.
std::vector<DeviceWatch> watches_of(py::list const& rows) {
    std::vector<DeviceWatch> watches;
    for (auto const& row: rows) {
        auto const [type, instance, number, above, flag] =
            row.cast<std::tuple<int, int, int, bool, double>>();
        watches.push_back({type, instance, number, above, flag});
    }
    return watches;
}

py::list obstacles() {
    py::list result;
    for (auto const& obstacle: device_obstacles()) {
        result.append(py::make_tuple(obstacle.code, obstacle.reason));
    }
    return result;
}

py::list records() {
    py::list result;
    for (auto const& record: device_records()) {
        py::dict entry;
        entry["kind"] = record.kind;
        entry["address"] = record.address;
        entry["continuous"] = record.continuous;
        entry["statement"] = record.statement;
        entry["host"] = record.host;
        result.append(entry);
    }
    return result;
}

void append(int index, Array<double> const& values) {
    device_append(index, values.data(), values.size());
}

} // namespace

void bind_device(py::module_& m) {
    m.def("device_generation", &device_generation);
    m.def("device_model", &model_dict);
    m.def("device_state", &state_dict);
    m.def("device_global", &global_view);
    m.def("device_resolve", &resolve);
    m.def("device_name", &device_name);
    m.def("device_take_numbers", [](std::vector<uint64_t> const& addresses) {
        return column<bool>(device_take_numbers(addresses), [](char taken) { return taken != 0; });
    });
    m.def("device_sources", &sources);
    m.def("device_is_weight", [](uint64_t address) {
        return device_is_weight(reinterpret_cast<double const*>(address));
    });
    m.def("device_activate", [](py::list const& watches) { device_activate(watches_of(watches)); });
    m.def("device_set_above",
          [](py::list const& watches) { device_set_above(watches_of(watches)); });
    m.def("device_obstacles", &obstacles);
    m.def("device_records", &records);
    // (target, source): addresses of what ParallelContext copies after each update of v
    m.def("device_transfer", [] {
        DeviceTransfer const found = device_transfer();
        return py::make_tuple(copied(found.target), copied(found.source));
    });
    m.def("device_append", &append);
    bind_device_columns(m);
    bind_device_network(m);
    bind_device_window(m);
    bind_device_engine(m);
}
