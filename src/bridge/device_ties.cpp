#include "device_ties.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "device_records.hpp"

namespace heliox {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

bool queue_scanned_ = false;
double host_event_t_ =
    kNever; // of the first event that only NEURON can deliver; forall_callback takes no context

// HocEvents without point process and NetParEvents only ask for something after the step; what runs the
// interpreter at once, or is unknown, ends the window.
bool can_be_delivered(void* event) {
    switch (class_of(event)) {
    case NeuronClass::net_con:
    case NeuronClass::self_event:
    case NeuronClass::pre_syn:
    case NeuronClass::net_par_event:
        return true;
    case NeuronClass::hoc_event:
        return !view_of<HocEventView>(event).point_process;
    case NeuronClass::play_record_event: {
        int const index = device_record_index(view_of<PlayRecordEventView>(event).record);
        return index >= 0 && !device_records_read()[index].statement;
    }
    default:
        return false;
    }
}

bool v_is_assigned_ = false;

bool is_artificial(Point_process const* point) {
    return point && nrn_is_artificial_[_nrn_mechanism_get_type(point->prop)];
}

bool is_v(uint64_t address) {
    auto const begin = reinterpret_cast<uint64_t>(nrn_threads[0].node_voltage_storage());
    return address >= begin && address < begin + sizeof(double) * nrn_threads[0].end;
}

// NEURON's items up to a time, in order.
void items_until(TQItem* node, double end, std::vector<TQItem*>& items) {
    std::vector<TQItem*> path;
    while (node || !path.empty()) {
        for (; node; node = static_cast<TQItem*>(node->left)) {
            path.push_back(node);
        }
        node = path.back();
        path.pop_back();
        if (node->t > end) {
            return;
        }
        items.push_back(node);
        node = static_cast<TQItem*>(node->right);
    }
}

bool order_matters(TQItem* const* begin, TQItem* const* end) {
    long n_host = 0, n_touch = 0;
    for (auto it = begin; it != end; ++it) {
        n_host += runs_on_host((*it)->data);
        n_touch += touches_device((*it)->data);
    }
    return n_host > 1 || (n_touch > 0 && end - begin > 1);
}

} // namespace

// Such events come from the interpreter only, so one look lasts until it runs again.
double host_event_time(TQueue& queue) {
    if (!queue_scanned_) {
        host_event_t_ = kNever;
        queue.forall_callback([](TQItem const* item, int) {
            if (item->t < host_event_t_ && (!item->data || !can_be_delivered(item->data))) {
                host_event_t_ = item->t;
            }
        });
        queue_scanned_ = true;
    }
    return host_event_t_;
}

void forget_host_events() { queue_scanned_ = false; }

bool host_events_known() { return queue_scanned_; }

bool runs_on_host(void* event) {
    switch (class_of(event)) {
    case NeuronClass::net_con:
        return is_artificial(view_of<NetConView>(event).target);
    case NeuronClass::self_event:
        return is_artificial(view_of<SelfEventView>(event).target);
    case NeuronClass::pre_syn: {
        auto const& netcons = view_of<PreSynView>(event).netcons;
        return std::any_of(netcons.begin(), netcons.end(), [](void* entry) {
            return is_artificial(static_cast<NetConView*>(entry)->target);
        });
    }
    default:
        return false;
    }
}

bool touches_device(void* event) {
    if (class_of(event) != NeuronClass::play_record_event) {
        return false;
    }
    int const index = device_record_index(view_of<PlayRecordEventView>(event).record);
    if (index < 0) {
        return true;
    }
    auto const& record = device_records_read()[index];
    bool const plays = record.kind == "play" || record.kind == "play_step";
    return plays || !(record.host || (is_v(record.address) && !v_is_assigned_));
}

bool comes_last(void* event) {
    NeuronClass const kind = class_of(event);
    return kind == NeuronClass::hoc_event || kind == NeuronClass::net_par_event;
}

void set_v_is_assigned(bool assigned) { v_is_assigned_ = assigned; }

bool order_matters_until(TQueue& queue, double end) {
    if (!queue.least || queue.least->t > end) {
        return false;
    }
    static std::vector<TQItem*> items;
    items.assign(1, queue.least);
    items_until(*static_cast<TQItem**>(queue.tree), end, items);
    for (size_t i = 0, next; i < items.size(); i = next) {
        for (next = i + 1; next < items.size() && items[next]->t == items[i]->t; ++next) {
        }
        if (next - i > 1 && order_matters(&items[i], items.data() + next)) {
            return true;
        }
    }
    return false;
}

} // namespace heliox
