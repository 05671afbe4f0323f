// NetCons from thresholds to point processes of a device: the device fans their sources' spikes out by itself.
//
// NEURON sends such a spike without these NetCons (Vectors and other targets get it as ever). Spikes that still
// have something to deliver are kept here; for each window of steps the device gets the range of NetCons that are
// due in it. Between batches everything pending is in NEURON's queue again.
//
// Only calls of NET_RECEIVE at one instance and at exactly one time have an order that matters, and the device does
// not know NEURON's. A network is order_free when that order changes nothing: each instance is the target of one
// of these NetCons, or all of its NetCons have the same weights and NET_RECEIVE does not write them.
#pragma once

#include "api.hpp"

#include <cstdint>
#include <vector>

#include "device_decl.hpp"

namespace heliox {

// By source in the order of device_sources(); within a source by delay, then as in NEURON's list.
struct DeviceNetwork {
    std::vector<int64_t> first;  // [n_source + 1]
    std::vector<double> delay;   // ms, from a spike's base
    std::vector<int> mechanism;  // index in device_model()
    std::vector<int> instance;   // NEURON's row
    std::vector<int64_t> weight; // first element in weights
    std::vector<double> weights; // as of the last call
    std::vector<char> others;    // [n_source] it has active NetCons that stay NEURON's
    bool order_free = true;
    int version = 0;        // moves with everything but weights
    int weight_version = 0; // moves with weights
};

// Reads NEURON's NetCons, after device_sources(). types: point processes whose events the device may deliver;
// written: those of them whose NET_RECEIVE stores into its weights.
HELIOX_API DeviceNetwork const& device_network(std::vector<int> const& types,
                                               std::vector<int> const& written);

// From now on the device fans out. exact: NEURON's order of events of equal time is kept for the events that are
// left in its queue. std::runtime_error unless device_network() was read in this batch.
HELIOX_API void device_network_begin(bool exact);

// What is due up to t (of which nothing was asked for before), in the order of sending: NetCons
// [first, first + count) deliver at base + delay.
struct DeviceDue {
    std::vector<double> base; // ms
    std::vector<int64_t> first;
    std::vector<int> count;
};
HELIOX_API DeviceDue device_network_due(double t);

// Puts what is pending into NEURON's queue. weights: null or the device's, as DeviceNetwork::weights: written
// to the NetCons whose NET_RECEIVE stores into them.
HELIOX_API void device_network_end(double const* weights);

// First element of DeviceNetwork::weights of a NetCon whose NET_RECEIVE writes its weights, by the address of its
// weights; -1: not such a one.
HELIOX_API std::vector<int64_t> device_network_rows(std::vector<uint64_t> const& addresses);

// A spike of a threshold source: as PreSyn::send, but for the NetCons that are the device's.
void device_network_send(int source, PreSyn* presyn, double t, NrnThread& nt);

// Stands in NEURON's queue for the earliest event that the device keeps (device_queue_head.hpp). Does nothing unless
// the network is exact.
class NetworkHead {
  public:
    explicit NetworkHead(TQueue& queue) : queue_(queue) {}
    ~NetworkHead() { remove(); }
    NetworkHead(NetworkHead const&) = delete;
    NetworkHead& operator=(NetworkHead const&) = delete;
    // Before NEURON delivers the queue's next event: true if that was the stand-in, which is gone now.
    bool make_way();
    // For something that is sent late, as if it were `now`.
    void recall(double now);
    // What the arrival of an event of the device at `te` does to the queue's order.
    void displace(double now, double te);
    void remove();

  private:
    void insert(double te);

    TQueue& queue_;
    TQItem* head_ = nullptr;
};

} // namespace heliox
