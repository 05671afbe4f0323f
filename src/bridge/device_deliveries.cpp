// What NEURON's queue delivers in a window of steps: to artificial cells and Vectors at once, to the device's
// point processes in writing.
#include "device_window_run.hpp"

#include "device_model.hpp"
#include "device_records.hpp"
#include "device_ties.hpp"
#include "device_watch.hpp"

namespace heliox {

int WindowRun::weight_index(int type, double* weight) {
    if (!weight) {
        return -1;
    }
    auto const [it, fresh] = weight_index_.emplace(weight, (int)window_.weights.size());
    if (fresh) {
        window_.weights.push_back({weight, pnt_receive_size[type]});
    }
    return it->second;
}

void WindowRun::receive(Point_process* point, double* weight, double flag) {
    int const type = _nrn_mechanism_get_type(point->prop);
    auto const row = neuron::mechanism::_get::_current_row(point->prop) - offset_[type];
    if (window_.ordered) {
        window_.queue_ops.push_back({QueueOp::Kind::row, (long)window_.events.size()});
    }
    window_.events.push_back({step_, phase_, nt_._t, device_mechanism_index(type), (int)row,
                              weight_index(type, weight), flag, window_.n_delivery,
                              take_movable(point, type)});
}

// Whether net_move would have moved the event that is delivered now. NEURON's pointer to it goes, as it does when
// NET_RECEIVE runs.
bool WindowRun::take_movable(Point_process* point, int type) {
    int const place = self_event_place(type);
    if (place < 0) {
        return false;
    }
    Datum& datum = _nrn_mechanism_access_dparam(point->prop)[place];
    bool const movable = datum.get<TQItem*>() == delivered_;
    if (movable) {
        datum = nullptr;
    }
    return movable;
}

void WindowRun::deliver_record(PlayRecord* record) {
    int const index = device_record_index(record);
    auto const& known = device_records_read()[index];
    DeviceTouch touch{
        step_, phase_,         (int)window_.events.size(), order_, known.address, 0, index,
        0,     queue_.least->t};
    net_cvode_instance->deliver_event(queue_.least->t, &nt_);
    if (known.host) {
        return; // that one is right already
    }
    if (known.kind == "play" || known.kind == "play_step") {
        touch.value = *reinterpret_cast<double*>(known.address);
        window_.writes.push_back(touch);
    } else {
        touch.element = (long)known.y->elements.size() - 1;
        window_.samples.push_back(touch);
    }
    ++order_;
}

// A HocEvent or NetParEvent delivers, before it is done, all other events of its time. With the rest of the queue out of
// sight they come after it, one by one, in the same order.
void WindowRun::deliver_alone(TQItem* item) {
    void* const event = item->data;
    double const te = item->t;
    queue_.remove(item);
    TQItem* const rest = queue_.least;
    queue_.least = nullptr;
    try {
        if (class_of(event) == NeuronClass::hoc_event) {
            static_cast<HocEvent*>(event)->deliver(te, net_cvode_instance, &nt_);
        } else {
            static_cast<NetParEvent*>(event)->deliver(te, net_cvode_instance, &nt_);
        }
    } catch (...) {
        queue_.least = rest;
        throw;
    }
    TQItem* const sent = queue_.least; // a NetParEvent sends itself
    queue_.least = rest;
    if (sent) {
        double const sent_t = sent->t;
        void* const sent_event = sent->data;
        queue_.release(sent);
        if (window_.ordered && queue_.least && sent_t < queue_.least->t) {
            queue_watch().order().note_change(queue_.least->t);
        }
        TQItem* const again = queue_.insert(sent_t, sent_event);
        if (window_.ordered) {
            queue_watch().replace(sent, again);
        }
    }
}

// The queue's next event but one: its head while the next one is delivered.
TQItem* WindowRun::second() const {
    auto* item = *static_cast<TQItem**>(queue_.tree); // the tree's root
    while (item && item->left) {
        item = static_cast<TQItem*>(item->left);
    }
    return item && item->data ? item : nullptr; // not a stand-in
}

// What a HocEvent or NetParEvent sends, it sends when all others of its time are delivered.
bool WindowRun::rotate() {
    TQItem* const item = queue_.least;
    if (!comes_last(item->data)) {
        return false;
    }
    TQItem* const next = second();
    if (!next || next->t != item->t || !behind_.insert(item->data).second) {
        return false; // only such as this one are left
    }
    void* const data = item->data;
    double const te = item->t;
    queue_.remove(item);
    TQItem* const behind = queue_.insert(te, data);
    if (window_.ordered) {
        queue_watch().replace(item, behind);
    }
    return true;
}

void WindowRun::deliver_first() {
    if (rotate()) {
        return;
    }
    behind_.clear();
    if (window_.ordered) {
        note_delivery(queue_.least);
        deliver_next();
        return;
    }
    TQItem* const next = second();
    DeviceDisplaced const former = {window_.n_delivery + 1, next, next ? next->data : nullptr,
                                    next ? next->t : 0};
    deliver_next();
    if (next && queue_.least && queue_.least != next && queue_.least->t < former.t) {
        window_.displaced.push_back(former);
    }
}

// What it does to the queue follows (device_order.cpp).
void WindowRun::note_delivery(TQItem* item) {
    window_.deliveries.push_back({queue_watch().take(item), item->t, window_.queue_ops.size(),
                                  cell_on_host(item->data), touches_sender(item->data),
                                  comes_last(item->data), item});
}

void WindowRun::deliver_next() {
    TQItem* const item = queue_.least;
    ++window_.n_delivery;
    window_.delivery_te.push_back(item->t);
    window_.last_delivery_step = step_;
    delivered_ = item;
    switch (class_of(item->data)) {
    case NeuronClass::hoc_event:
    case NeuronClass::net_par_event:
        deliver_alone(item);
        break;
    case NeuronClass::play_record_event:
        deliver_record(view_of<PlayRecordEventView>(item->data).record);
        break;
    default:
        net_cvode_instance->deliver_event(item->t, &nt_);
    }
}

void WindowRun::deliver(double til, int phase) {
    double const now = nt_._t;
    phase_ = phase;
    while (queue_.least && queue_.least->t <= til) {
        if (!network_head_.make_way()) {
            deliver_first();
            order_of_spikes_.note((double)window_.n_delivery);
        }
    }
    network_head_.remove();
    nt_._t = now;
}

} // namespace heliox
