// What device_network.cpp reads and device_flight.cpp sends.
#pragma once

#include <utility>

#include "device_network.hpp"

namespace heliox {

// A NetCon as it was read, in NEURON's order.
struct NetworkConnection {
    NetConView* netcon;
    Point_process* target;
    double* weight;
    double delay;
    bool operator==(NetworkConnection const& other) const {
        return netcon == other.netcon && target == other.target && weight == other.weight &&
               delay == other.delay;
    }
};

// A source's active NetCons of both kinds.
struct NetworkSource {
    std::vector<void*> others;
    bool grouped = false;   // it stands in NEURON's queue itself: all delays were the same at first
    double group_delay = 0; // ms
    bool operator==(NetworkSource const& other) const {
        return others == other.others && grouped == other.grouped &&
               group_delay == other.group_delay;
    }
};

// NEURON's NetCons as device_network() read them last.
struct NetworkImage {
    DeviceNetwork network;
    std::vector<NetworkConnection> connections;
    std::vector<int64_t> of_sorted; // the connection behind each of the network's rows
    std::vector<int64_t> weight;    // [n + 1] first element of each connection's weights
    std::vector<NetworkSource> sources;
    std::vector<PreSyn*> presyns;
    std::vector<int> types, written;
    unsigned generation = 0;
    std::vector<std::pair<uint64_t, int64_t>> written_rows; // address, first element: sorted
    bool current = false;
};

NetworkImage& network_image();

inline PreSynView& view_of(PreSyn* source) { return *reinterpret_cast<PreSynView*>(source); }

} // namespace heliox
