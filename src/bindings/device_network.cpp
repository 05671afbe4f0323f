// NetCons that a device fans out by itself (src/bridge/device_network.hpp): every array is a copy.
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "../bridge/device_network.hpp"
#include "arrays.hpp"
#include "device.hpp"

using namespace heliox;

namespace {

DeviceNetwork const* network_ = nullptr;

DeviceNetwork const& known() {
    if (!network_) {
        throw std::runtime_error("device_network() is to be called first");
    }
    return *network_;
}

py::dict read_network(std::vector<int> const& types, std::vector<int> const& written) {
    network_ = &device_network(types, written);
    py::dict out;
    out["n"] = network_->delay.size();
    out["others"] = std::count(network_->others.begin(), network_->others.end(), 1);
    out["order_free"] = network_->order_free;
    out["version"] = network_->version;
    out["weight_version"] = network_->weight_version;
    return out;
}

py::dict connections() {
    auto const& network = known();
    py::dict out;
    out["first"] = copied(network.first);
    out["delay"] = copied(network.delay);
    out["mechanism"] = copied(network.mechanism);
    out["instance"] = copied(network.instance);
    out["weight"] = copied(network.weight);
    return out;
}

py::tuple due(double t) {
    auto const found = device_network_due(t);
    return py::make_tuple(copied(found.base), copied(found.first), copied(found.count));
}

void end(std::optional<Array<double>> const& weights) {
    if (weights && (size_t)weights->size() != known().weights.size()) {
        throw py::value_error("weights: as many as the network has");
    }
    device_network_end(weights ? weights->data() : nullptr);
}

} // namespace

void bind_device_network(py::module_& m) {
    m.def("device_network", &read_network, py::arg("types"), py::arg("written"));
    m.def("device_network_connections", &connections);
    m.def("device_network_weights", [] { return copied(known().weights); });
    m.def("device_network_begin", &device_network_begin, py::arg("exact"));
    m.def("device_network_due", &due, py::arg("t"));
    m.def("device_network_end", &end, py::arg("weights") = py::none());
    m.def("device_network_rows", [](Array<uint64_t> const& addresses) {
        return copied(device_network_rows(
            std::vector<uint64_t>(addresses.data(), addresses.data() + addresses.size())));
    });
}
