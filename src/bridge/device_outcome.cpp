// What a device found in a window goes to NEURON: spikes, events, weights, samples.
#include <algorithm>
#include <stdexcept>

#include "device_decl.hpp"
#include "device_model.hpp"
#include "device_network.hpp"
#include "device_queue_head.hpp"
#include "device_records.hpp"
#include "device_sources.hpp"
#include "device_spike_order.hpp"
#include "device_window.hpp"

namespace heliox {
namespace {

constexpr int kNetSend = -4; // in dparam_semantics

class Clock {
  public:
    explicit Clock(NrnThread& nt) : nt_(nt), now_(nt._t) {}
    ~Clock() { nt_._t = now_; }
    void set(double t) { nt_._t = t; }
    double now() const { return now_; }

  private:
    NrnThread& nt_;
    double now_;
};

Datum* self_event_datum(Point_process* point) {
    int const type = _nrn_mechanism_get_type(point->prop);
    for (int k = 0; k < nrn_prop_dparam_size_[type]; ++k) {
        if (memb_func[type].dparam_semantics[k] == kNetSend) {
            return _nrn_mechanism_access_dparam(point->prop) + k;
        }
    }
    throw std::runtime_error(std::string(memb_func[type].sym->name) + " sends no events to itself");
}

class Sender {
  public:
    Sender(DeviceWindow const& window, DeviceOutcome const& outcome)
        : window_(window), outcome_(outcome), nt_(nrn_threads[0]),
          queue_(*net_cvode_instance_event_queue(nrn_threads)), head_(queue_),
          network_head_(queue_), clock_(nt_), order_(window.spike_vectors) {}
    void send_all();

  private:
    void spike(size_t i);
    void events_before(int step);
    void event(int index);
    bool events_left() const {
        return net_event_ < outcome_.net_event.size() || self_event_ < outcome_.self_event.size();
    }

    DeviceWindow const& window_;
    DeviceOutcome const& outcome_;
    NrnThread& nt_;
    TQueue& queue_;
    QueueHead
        head_; // most of this NEURON would have sent while later events of the window headed its queue
    NetworkHead network_head_;
    Clock clock_;
    SpikeOrder order_;
    size_t net_event_ = 0, self_event_ = 0;
};

void Sender::spike(size_t i) {
    int const step = outcome_.spike_step[i];
    head_.want(step <= window_.last_delivery_step);
    clock_.set(window_.t.at(step));
    PreSyn* const source = device_sources_read().source.at(outcome_.spike_source[i]);
    device_network_send(outcome_.spike_source[i], source, nt_._t + 1e-10, nt_);
    order_.note(window_.delivery_before.at(step) + .5);
}

void Sender::event(int index) {
    DeviceEvent const& event = window_.events.at(index);
    head_.want(event.ordinal < window_.n_delivery);
    network_head_.recall(event.te);
    clock_.set(event.te);
    for (; net_event_ < outcome_.net_event.size() && outcome_.net_event[net_event_] == index;
         ++net_event_) {
        nrn_net_event(event.point, outcome_.net_event_time.at(net_event_));
        order_.note(event.ordinal + .25);
    }
    for (; self_event_ < outcome_.self_event.size() && outcome_.self_event[self_event_] == index;
         ++self_event_) {
        double* const weight = event.weight < 0 ? nullptr : window_.weights[event.weight].address;
        nrn_net_send(self_event_datum(event.point), weight, event.point,
                     outcome_.self_time.at(self_event_), outcome_.self_flag.at(self_event_));
    }
}

// Events of earlier steps than this test.
void Sender::events_before(int step) {
    while (events_left()) {
        int next = (int)window_.events.size();
        if (net_event_ < outcome_.net_event.size()) {
            next = std::min(next, outcome_.net_event[net_event_]);
        }
        if (self_event_ < outcome_.self_event.size()) {
            next = std::min(next, outcome_.self_event[self_event_]);
        }
        if (window_.events.at(next).step >= step) {
            return;
        }
        event(next);
    }
}

void Sender::send_all() {
    for (size_t i = 0; i < outcome_.spike_step.size(); ++i) {
        events_before(outcome_.spike_step[i]);
        spike(i);
    }
    events_before(window_.n_step + 1);
    head_.want(false);
    network_head_.remove();
    order_.sort();
    if (queue_.least && queue_.least->t <= clock_.now() && window_.n_step > 0) {
        throw std::runtime_error(
            "an event was due inside the steps that the device had already done");
    }
}

} // namespace

void device_window_done(DeviceWindow const& window, DeviceOutcome const& outcome) {
    if (outcome.weights) {
        for (size_t i = 0; i < window.weights.size(); ++i) {
            double const* const values = outcome.weights + i * outcome.weight_width;
            std::copy(values, values + window.weights[i].arity, window.weights[i].address);
        }
    }
    if (outcome.samples) {
        for (size_t i = 0; i < window.samples.size(); ++i) {
            auto const& sample = window.samples[i];
            device_records_read()[sample.record].y->elements.at(sample.element) =
                outcome.samples[i];
        }
    }
    Sender(window, outcome).send_all();
    if (outcome.flags) {
        set_device_flags(outcome.flags);
    }
}

} // namespace heliox
