// What a device found in a window goes to NEURON: spikes, events, weights, samples.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "device_decl.hpp"
#include "device_model.hpp"
#include "device_network.hpp"
#include "device_order.hpp"
#include "device_queue_head.hpp"
#include "device_records.hpp"
#include "device_sources.hpp"
#include "device_spike_order.hpp"
#include "device_watch.hpp"
#include "device_window.hpp"

namespace heliox {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

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

class Sender {
  public:
    Sender(DeviceWindow const& window, DeviceOutcome const& outcome)
        : window_(window), outcome_(outcome), nt_(nrn_threads[0]),
          queue_(*net_cvode_instance_event_queue(nrn_threads)), head_(queue_),
          network_head_(queue_), clock_(nt_), order_(window.spike_vectors) {}
    long send_all();

  private:
    void spike(size_t i, double when);
    void sent_before(int step);
    void send_in_turn();
    bool is_ordered() const;
    long send_in_order();
    void send(DeviceSent const& sent, double when);
    double place(DeviceSent const& sent) const;
    double due(DeviceSent const& sent) const;
    double earliest_sent_before(long ordinal) const;
    void put_back_heads();
    void put_in_front(DeviceDisplaced const& displaced);
    void drop_pending();
    Point_process* point(int mechanism, int instance) const {
        return device_point(device_model().mechanisms.at(mechanism).type, instance);
    }
    Datum& datum(Point_process* point) const;

    DeviceWindow const& window_;
    DeviceOutcome const& outcome_;
    NrnThread& nt_;
    TQueue& queue_;
    QueueHead
        head_; // most of this NEURON would have sent while later events of the window headed its queue
    NetworkHead network_head_;
    Clock clock_;
    SpikeOrder order_;
    size_t next_ = 0; // of outcome_.sent
};

Datum& Sender::datum(Point_process* point) const {
    int const type = _nrn_mechanism_get_type(point->prop);
    int const place = self_event_place(type);
    if (place < 0) {
        throw std::runtime_error(std::string(memb_func[type].sym->name) +
                                 " sends no events to itself");
    }
    return _nrn_mechanism_access_dparam(point->prop)[place];
}

void Sender::spike(size_t i, double when) {
    int const step = outcome_.spike_step[i];
    clock_.set(window_.t.at(step));
    PreSyn* const source = device_sources_read().source.at(outcome_.spike_source[i]);
    device_network_send(outcome_.spike_source[i], source, nt_._t + 1e-10, nt_);
    order_.note(when);
}

// Among the window's deliveries, as a number of them.
double Sender::place(DeviceSent const& sent) const {
    if (sent.event >= 0) {
        return window_.events.at(sent.event).ordinal + .25;
    }
    auto const& te = window_.delivery_te;
    long const before = window_.delivery_before.at(sent.step);
    long const count = std::upper_bound(te.begin() + before, te.end(), sent.at) - te.begin();
    return count + (count == before ? .75 : .3); // behind the step's spikes
}

void Sender::send(DeviceSent const& sent, double when) {
    clock_.set(sent.at);
    switch (sent.kind) {
    case DeviceSent::Kind::net_event:
        nrn_net_event(point(sent.mechanism, sent.instance), sent.time);
        order_.note(when);
        break;
    case DeviceSent::Kind::net_send: {
        Point_process* const target = point(sent.mechanism, sent.instance);
        double* const weight = sent.weight < 0 ? nullptr : window_.weights.at(sent.weight).address;
        nrn_net_send(&datum(target), weight, target, sent.time, sent.flag);
        break;
    }
    case DeviceSent::Kind::net_move:
        queue_.move(window_.pending.at(sent.pending).item, sent.time);
        break;
    }
}

// What ran in earlier steps than this.
void Sender::sent_before(int step) {
    for (; next_ < outcome_.sent.size() && outcome_.sent[next_].step < step; ++next_) {
        auto const& sent = outcome_.sent[next_];
        head_.want(sent.event >= 0 ? window_.events.at(sent.event).ordinal < window_.n_delivery
                                   : sent.step <= window_.last_delivery_step);
        network_head_.recall(sent.at);
        send(sent, place(sent));
    }
}

// When what was sent arrives at the earliest.
double Sender::due(DeviceSent const& sent) const {
    if (sent.kind != DeviceSent::Kind::net_event) {
        return sent.time;
    }
    auto const& delays = device_sources_read().point_delay;
    auto const it = delays.find(device_model().mechanisms.at(sent.mechanism).type);
    return it == delays.end() ? kNever : sent.time + it->second;
}

// The earliest event that the device had sent when the window's delivery `ordinal` was made.
double Sender::earliest_sent_before(long ordinal) const {
    double earliest = kNever;
    auto const& delay = device_sources_read().delay;
    for (size_t i = 0; i < outcome_.spike_step.size(); ++i) {
        int const step = outcome_.spike_step[i];
        if (window_.delivery_before.at(step) + .5 < (double)ordinal) {
            double const sent = window_.t.at(step) + 1e-10;
            earliest = std::min(earliest, sent + delay.at(outcome_.spike_source[i]));
        }
    }
    for (auto const& sent: outcome_.sent) {
        if (place(sent) < (double)ordinal) {
            earliest = std::min(earliest, due(sent));
        }
    }
    return earliest;
}

std::vector<TQItem*> equals_;
double equal_t_;

// The head goes back in front of its equals: it had not been the head, had NEURON's queue had what the device sent.
void Sender::put_in_front(DeviceDisplaced const& displaced) {
    equals_.clear();
    equal_t_ = displaced.t;
    queue_.forall_callback([](TQItem const* item, int) { // takes no context
        if (item->t == equal_t_) {
            equals_.push_back(const_cast<TQItem*>(item));
        }
    });
    auto const at = std::find(equals_.begin(), equals_.end(), displaced.item);
    if (at == equals_.end() || displaced.item->data != displaced.data) {
        return; // delivered, moved or removed meanwhile
    }
    for (TQItem* const item: equals_) {
        if (item != displaced.item) {
            queue_.move(item, item->t); // behind its equals
        }
    }
}

void Sender::put_back_heads() {
    for (auto it = window_.displaced.rbegin(); it != window_.displaced.rend(); ++it) {
        if (it->t > clock_.now() && earliest_sent_before(it->ordinal) < it->t) {
            head_.want(true); // nothing else is displaced meanwhile
            put_in_front(*it);
        }
    }
}

void Sender::drop_pending() {
    for (int const index: outcome_.forgotten) {
        auto const& pending = window_.pending.at(index);
        datum(point(pending.mechanism, pending.instance)) = nullptr;
    }
    for (int const index: outcome_.consumed) {
        TQItem* const item = window_.pending.at(index).item;
        queue_watch().take(item);
        queue_.remove(item);
    }
}

void Sender::send_in_turn() {
    put_back_heads();
    for (size_t i = 0; i < outcome_.spike_step.size(); ++i) {
        int const step = outcome_.spike_step[i];
        sent_before(step);
        head_.want(step <= window_.last_delivery_step);
        spike(i, window_.delivery_before.at(step) + .5);
    }
    sent_before(window_.n_step + 1);
    head_.want(false);
    network_head_.remove();
}

// device_order() knows of everything when it was sent.
bool Sender::is_ordered() const {
    if (!window_.ordered || window_.stop == "error" || window_.n_step == 0) {
        return false;
    }
    for (size_t i = 0; i < outcome_.spike_step.size(); ++i) {
        if (!order_of_spike(window_, i)) {
            return false;
        }
    }
    return std::all_of(outcome_.sent.begin(), outcome_.sent.end(), [&](DeviceSent const& sent) {
        return order_of_log(window_, sent.key) != nullptr;
    });
}

// As device_order() had it. Nothing is displaced here: arrange() puts equal times in order.
long Sender::send_in_order() {
    struct Turn {
        OrderSent const* order;
        int spike, sent; // one of them -1
    };
    std::vector<Turn> turns;
    for (size_t i = 0; i < outcome_.spike_step.size(); ++i) {
        turns.push_back({order_of_spike(window_, i), (int)i, -1});
    }
    for (size_t i = 0; i < outcome_.sent.size(); ++i) {
        turns.push_back({order_of_log(window_, outcome_.sent[i].key), -1, (int)i});
    }
    std::sort(turns.begin(), turns.end(),
              [](Turn const& a, Turn const& b) { return a.order->when < b.order->when; });
    order_.renumber(
        [&](double ordinal) { return (double)order_of_delivery(window_, (long)ordinal); });
    long n_missing = 0;
    head_.want(true);
    for (Turn const& turn: turns) {
        bool const moves =
            turn.sent >= 0 && outcome_.sent[turn.sent].kind == DeviceSent::Kind::net_move;
        n_missing += queue_watch().expect(moves ? std::vector<long>() : turn.order->ids);
        if (turn.spike >= 0) {
            spike(turn.spike, (double)turn.order->when);
        } else {
            send(outcome_.sent[turn.sent], (double)turn.order->when);
        }
    }
    head_.want(false);
    return n_missing;
}

long Sender::send_all() {
    drop_pending();
    long n_wrong = 0;
    if (is_ordered()) {
        n_wrong = send_in_order();
    } else {
        send_in_turn();
    }
    n_wrong += device_order_close(window_);
    order_.sort();
    if (queue_.least && queue_.least->t <= clock_.now() && window_.n_step > 0) {
        throw std::runtime_error(
            "an event was due inside the steps that the device had already done");
    }
    return n_wrong;
}

} // namespace

long device_window_done(DeviceWindow const& window, DeviceOutcome const& outcome) {
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
    long const n_wrong = Sender(window, outcome).send_all();
    if (outcome.flags) {
        set_device_flags(outcome.flags);
    }
    return n_wrong;
}

} // namespace heliox
