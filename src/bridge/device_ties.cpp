#include "device_ties.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
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

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

Ranges receivers_, senders_; // addresses of their columns
bool assign_more_ = false;

char unknown_cells_; // their address stands for all of them

// Types whose NET_RECEIVE looks at nothing but the cell.
bool keeps_to_itself(Point_process* point, int type) {
    static std::set<std::string> const plain = {"IntFire1", "IntFire2", "IntFire4"};
    std::string const name = memb_func[type].sym->name;
    if (name != "NetStim") {
        return plain.count(name) > 0;
    }
    auto const& names = field_names(type);
    size_t const noise = std::find(names.begin(), names.end(), "noise") - names.begin();
    auto const row = neuron::mechanism::_get::_current_row(point->prop);
    return noise < names.size() && neuron::mechanism::get_data_ptrs<double>(type)[noise][row] == 0.;
}

void const* cell_of(Point_process* point) {
    int const type = point ? _nrn_mechanism_get_type(point->prop) : -1;
    if (type < 0 || !nrn_is_artificial_[type]) {
        return nullptr;
    }
    return keeps_to_itself(point, type) ? static_cast<void const*>(point) : &unknown_cells_;
}

bool is_v(uint64_t address) {
    auto const begin = reinterpret_cast<uint64_t>(nrn_threads[0].node_voltage_storage());
    return address >= begin && address < begin + sizeof(double) * nrn_threads[0].end;
}

Ranges columns_of(std::vector<int> const& types) {
    Ranges found;
    for (auto* tml = nrn_threads[0].tml; tml; tml = tml->next) {
        int const type = tml->index;
        if (std::find(types.begin(), types.end(), type) == types.end()) {
            continue;
        }
        auto const* dims = neuron::mechanism::get_array_dims<double>(type);
        auto* const* data = neuron::mechanism::get_data_ptrs<double>(type);
        for (size_t i = 0; i < field_names(type).size(); ++i) {
            auto const begin = reinterpret_cast<uint64_t>(data[i]);
            size_t const n = tml->ml->get_storage_offset() + tml->ml->nodecount;
            found.emplace_back(begin, begin + sizeof(double) * n * dims[i]);
        }
    }
    return found;
}

bool is_within(Ranges const& ranges, uint64_t address) {
    return std::any_of(ranges.begin(), ranges.end(), [&](auto const& range) {
        return address >= range.first && address < range.second;
    });
}

// Null: not an event of a Vector, or one that the host does by itself.
DeviceRecord const* record_of(void* event) {
    if (class_of(event) != NeuronClass::play_record_event) {
        return nullptr;
    }
    int const index = device_record_index(view_of<PlayRecordEventView>(event).record);
    auto const* const record = index < 0 ? nullptr : &device_records_read()[index];
    return record && !record->host ? record : nullptr;
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
    std::set<void const*> cells;
    for (auto it = begin; it != end; ++it) {
        void const* const cell = cell_on_host((*it)->data);
        if (touches_device((*it)->data) || (cell && !cells.insert(cell).second)) {
            return true;
        }
    }
    return false;
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

void const* cell_on_host(void* event) {
    switch (class_of(event)) {
    case NeuronClass::net_con:
        return cell_of(view_of<NetConView>(event).target);
    case NeuronClass::self_event:
        return cell_of(view_of<SelfEventView>(event).target);
    case NeuronClass::pre_syn: {
        auto const& netcons = view_of<PreSynView>(event).netcons;
        bool const any = std::any_of(netcons.begin(), netcons.end(), [](void* entry) {
            return cell_of(static_cast<NetConView*>(entry)->target) != nullptr;
        });
        return any ? &unknown_cells_ : nullptr;
    }
    default:
        return nullptr;
    }
}

bool touches_device(void* event) {
    auto const* const record = record_of(event);
    if (!record) {
        return false;
    }
    bool const plays = record->kind == "play" || record->kind == "play_step";
    return assign_more_ || is_within(receivers_, record->address) ||
           (plays && is_v(record->address));
}

bool touches_sender(void* event) {
    auto const* const record = record_of(event);
    return record && (assign_more_ || is_within(senders_, record->address));
}

bool comes_last(void* event) {
    NeuronClass const kind = class_of(event);
    return kind == NeuronClass::hoc_event || kind == NeuronClass::net_par_event;
}

void set_receivers(std::vector<int> const& types, std::vector<int> const& senders,
                   bool assign_more) {
    receivers_ = columns_of(types);
    senders_ = columns_of(senders);
    assign_more_ = assign_more;
}

StepTies ties_until(TQueue& queue, double end) {
    if (!queue.least || queue.least->t > end) {
        return StepTies::none;
    }
    static std::vector<TQItem*> items;
    items.assign(1, queue.least);
    items_until(*static_cast<TQItem**>(queue.tree), end, items);
    StepTies found = StepTies::none;
    for (size_t i = 0, next; i < items.size(); i = next) {
        for (next = i + 1; next < items.size() && items[next]->t == items[i]->t; ++next) {
        }
        if (next - i > 1 && order_matters(&items[i], items.data() + next)) {
            return StepTies::host;
        }
        if (!senders_.empty() && touches_sender(items[i]->data)) {
            found = StepTies::alone;
        }
    }
    return found;
}

} // namespace heliox
