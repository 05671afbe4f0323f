#include "device_watch.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "device_decl.hpp"

namespace heliox {
namespace {

// hoc's dparam_semantics
constexpr int kNetSend = -4, kPointProcess = -6, kWatch = -8;

int first_place(int type, int semantics) {
    int const* const all = memb_func[type].dparam_semantics.get();
    int const* const end = all + nrn_prop_dparam_size_[type];
    int const* const found = all ? std::find(all, end, semantics) : end;
    return found == end ? -1 : (int)(found - all);
}

std::vector<DeviceWatch>* found_ = nullptr; // NEURON's callback takes no context

// place: in dparam.
void read_watch(int, int type, int instance, int place, int triggered) {
    Point_process* const point = device_point(type, instance);
    auto const* const view =
        _nrn_mechanism_access_dparam(point->prop)[place].get<WatchCondition*>();
    if (!view || view->point != point || view->index != place || view->flag != (triggered != 0)) {
        throw std::runtime_error("the layout of NEURON's WATCH conditions is not as expected");
    }
    // the list of active conditions comes first
    int const number = place - first_place(type, kWatch) - 1;
    found_->push_back({type, instance, number, view->flag, view->net_receive_flag});
}

} // namespace

Point_process* device_point(int type, int instance) {
    int const place = type < 0 ? -1 : first_place(type, kPointProcess);
    Memb_list* list = nullptr;
    for (auto* tml = nrn_threads[0].tml; tml && !list; tml = tml->next) {
        list = tml->index == type ? tml->ml : nullptr;
    }
    if (place < 0 || !list || instance < 0 || instance >= list->nodecount) {
        throw std::runtime_error("no such point process");
    }
    return list->pdata[instance][place].get<Point_process*>();
}

int self_event_place(int type) { return first_place(type, kNetSend); }

std::vector<DeviceWatch> device_watches() {
    std::vector<DeviceWatch> watches;
    found_ = &watches;
    nrn2core_transfer_WATCH(read_watch);
    found_ = nullptr;
    return watches;
}

void device_activate(std::vector<DeviceWatch> const& watches) {
    std::set<std::pair<int, int>> seen;
    for (auto const& watch: watches) {
        Point_process* const point = device_point(watch.type, watch.instance);
        Datum* const all = _nrn_mechanism_access_dparam(point->prop);
        Datum* const array = all + first_place(watch.type, kWatch);
        if (!array[watch.number + 1].get<WatchCondition*>()) {
            nrn_watch_allocate_[watch.type](all);
        }
        bool const first = seen.emplace(watch.type, watch.instance).second;
        _nrn_watch_activate(array, nullptr, watch.number + 1, point, first ? 0 : 1, watch.flag);
    }
    device_set_above(watches);
}

void device_set_above(std::vector<DeviceWatch> const& watches) {
    for (auto const& watch: watches) {
        Point_process* const point = device_point(watch.type, watch.instance);
        Datum* const array =
            _nrn_mechanism_access_dparam(point->prop) + first_place(watch.type, kWatch);
        array[watch.number + 1].get<WatchCondition*>()->flag = watch.above;
    }
}

} // namespace heliox
