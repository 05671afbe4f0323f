#include "device_window.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "device_decl.hpp"
#include "device_engine.hpp"
#include "device_model.hpp"
#include "device_network.hpp"
#include "device_records.hpp"
#include "device_sources.hpp"
#include "device_spike_order.hpp"
#include "device_watch.hpp"
#include "structure.hpp"

namespace heliox {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

bool queue_scanned_ = false;
double host_event_t_ =
    kNever; // of the first event that only NEURON can deliver; forall_callback takes no context

template <class View>
View& view_of(void* object) {
    return *static_cast<View*>(object);
}

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

class WindowRun;
WindowRun* active_ = nullptr;

struct FailedWindow {
    std::exception_ptr error;
    double begun = 0;   // [ms] the step
    DeviceWindow alone; // a window without a whole step
};
FailedWindow failed_;

class WindowRun {
  public:
    WindowRun(DeviceWindow& window, std::vector<int> const& device_types);
    ~WindowRun();
    void look_for_pending(std::vector<int> const& types);
    WindowRun(WindowRun const&) = delete;
    WindowRun& operator=(WindowRun const&) = delete;
    void run(int n_max);
    void receive(Point_process* point, double* weight, double flag);

  private:
    struct Saved {
        double* address;
        double value;
    };
    bool step();
    void end_at_error();
    void deliver(double til, int phase);
    TQItem* second() const;
    void note_tie(TQItem const& item);
    void deliver_first();
    void deliver_next();
    void deliver_alone(TQItem* item);
    void deliver_record(PlayRecord* record);
    void play();
    int weight_index(int type, double* weight);
    bool take_movable(Point_process* point, int type);

    DeviceWindow& window_;
    NrnThread& nt_;
    TQueue& queue_;
    std::vector<std::pair<int, pnt_receive_t>> replaced_;
    std::vector<Saved> saved_;
    std::vector<DeviceRecord const*> host_records_;
    std::vector<size_t> offset_; // by type, of the thread's instances
    TQItem* delivered_ = nullptr;
    std::unordered_map<double*, int> weight_index_;
    SpikeOrder order_of_spikes_;
    NetworkHead network_head_;
    int step_ = 0, phase_ = 0, order_ = 0;
    std::unordered_map<Point_process*, double> arrival_; // the last time [ms] at each target
};

void receive(Point_process* point, double* weight, double flag) {
    active_->receive(point, weight, flag);
}

WindowRun::WindowRun(DeviceWindow& window, std::vector<int> const& device_types)
    : window_(window), nt_(nrn_threads[0]), queue_(*net_cvode_instance_event_queue(nrn_threads)),
      order_of_spikes_(window.spike_vectors), network_head_(queue_) {
    order_of_spikes_.begin();
    for (auto const& record: device_records_read()) {
        if (record.kind == "play" || record.kind == "play_step") {
            auto* const target = reinterpret_cast<double*>(record.address);
            // what is not the device's (a NetStim's interval) has its reader here
            if (target && !record.statement && !record.host) {
                saved_.push_back({target, *target});
            }
        }
        if (record.kind == "play" && record.continuous && !record.host) {
            window_.play_address.push_back(record.address);
        }
        if (record.kind == "y" && record.continuous && record.host) {
            host_records_.push_back(&record);
        }
    }
    offset_.assign(n_memb_func, 0);
    for (auto* tml = nt_.tml; tml; tml = tml->next) {
        offset_[tml->index] = tml->ml->get_storage_offset();
    }
    for (int type: device_types) {
        if (pnt_receive[type] && !nrn_is_artificial_[type]) {
            replaced_.emplace_back(type, pnt_receive[type]);
            pnt_receive[type] = heliox::receive;
        }
    }
    active_ = this;
}

WindowRun::~WindowRun() {
    active_ = nullptr;
    for (auto const& [type, original]: replaced_) {
        pnt_receive[type] = original;
    }
    for (auto const& saved: saved_) {
        *saved.address = saved.value;
    }
}

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

void WindowRun::look_for_pending(std::vector<int> const& types) {
    for (int type: types) {
        int const n = device_model().mechanisms[device_mechanism_index(type)].n;
        for (int i = 0; i < n; ++i) {
            Point_process* const point = device_point(type, i);
            auto* const item =
                _nrn_mechanism_access_dparam(point->prop)[self_event_place(type)].get<TQItem*>();
            if (item) {
                double* const weight = view_of<SelfEventView>(item->data).weight;
                window_.pending.push_back(
                    {device_mechanism_index(type), i, weight_index(type, weight), item});
            }
        }
    }
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
        queue_.insert(sent_t, sent_event);
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

void WindowRun::note_tie(TQItem const& item) {
    if (class_of(item.data) == NeuronClass::net_con) {
        Point_process* const target = view_of<NetConView>(item.data).target;
        auto const [arrival, first] = arrival_.try_emplace(target, item.t);
        window_.n_tie += !first && arrival->second == item.t;
        arrival->second = item.t;
    }
}

void WindowRun::deliver_first() {
    note_tie(*queue_.least);
    TQItem* const next = second();
    DeviceDisplaced const former = {window_.n_delivery + 1, next, next ? next->data : nullptr,
                                    next ? next->t : 0};
    deliver_next();
    if (next && queue_.least && queue_.least != next && queue_.least->t < former.t) {
        window_.displaced.push_back(former);
    }
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

void WindowRun::play() {
    fixed_play_continuous(&nt_);
    for (uint64_t address: window_.play_address) {
        window_.play.push_back(*reinterpret_cast<double*>(address));
    }
}

// False: the next step is NEURON's.
bool WindowRun::step() {
    double const half = nt_._t + .5 * nt_._dt;
    double const end = half + .5 * nt_._dt;
    if (host_event_time(queue_) <= end) {
        return false;
    }
    window_.t.push_back(nt_._t);
    window_.t_half.push_back(half);
    window_.delivery_before.push_back(window_.n_delivery);
    deliver(half, 0);
    nt_._t = half;
    play();
    nt_._t = end;
    play();
    for (auto const* record: host_records_) {
        record->y->elements.push_back(*reinterpret_cast<double*>(record->address));
    }
    deliver(end, 1);
    return true;
}

// A step is done if its events at the end have begun. What was delivered at the start of a step that is not done comes
// after the one before.
void WindowRun::end_at_error() {
    window_.stop = "error";
    failed_.error = std::current_exception();
    failed_.begun = window_.t.back();
    if (phase_ == 1) {
        window_.t.push_back(window_.t_half.back() + .5 * nt_._dt);
        ++step_;
        return;
    }
    window_.t_half.pop_back();
    window_.delivery_before.pop_back();
    window_.play.resize(2 * step_ * window_.play_address.size());
    if (step_ == 0) {
        return;
    }
    auto before = [&](auto& list) {
        for (auto& one: list) {
            if (one.step == step_) {
                one.step = step_ - 1;
                one.phase = 1;
            }
        }
    };
    before(window_.events);
    before(window_.writes);
    before(window_.samples);
    window_.last_delivery_step = std::min(window_.last_delivery_step, step_ - 1);
}

void WindowRun::run(int n_max) {
    window_.dt = nt_._dt;
    window_.stop = "n_max";
    for (step_ = 0; step_ < n_max; ++step_) {
        try {
            if (!step()) {
                window_.stop = "host step";
                break;
            }
        } catch (...) {
            end_at_error();
            break;
        }
        nt_._stop_stepping = 0;
        if (nrn_allthread_handle) {
            window_.stop = "interpreter";
            ++step_;
            break;
        }
    }
    window_.n_step = step_;
    if (window_.stop != "error") {
        window_.t.push_back(nt_._t);
    }
}

void check_receivers(std::vector<int> const& device_types) {
    for (auto* tml = nrn_threads[0].tml; tml; tml = tml->next) {
        bool const known =
            std::find(device_types.begin(), device_types.end(), tml->index) != device_types.end();
        if (pnt_receive[tml->index] && !known) {
            throw std::runtime_error(std::string("NET_RECEIVE of ") +
                                     memb_func[tml->index].sym->name +
                                     " is not among those of the device");
        }
    }
}

// An event that NEURON dropped (finitialize does) may have left its address behind.
void forget_dropped_events(std::vector<int> const& moving_types) {
    static std::unordered_set<TQItem const*> queued; // forall_callback takes no context
    queued.clear();
    net_cvode_instance_event_queue(nrn_threads)->forall_callback([](TQItem const* item, int) {
        if (item->data && class_of(item->data) == NeuronClass::self_event) {
            queued.insert(item);
        }
    });
    for (int type: moving_types) {
        int const n = device_model().mechanisms[device_mechanism_index(type)].n;
        for (int i = 0; i < n; ++i) {
            Point_process* const point = device_point(type, i);
            Datum& datum = _nrn_mechanism_access_dparam(point->prop)[self_event_place(type)];
            auto* const item = datum.get<TQItem*>();
            if (item &&
                (!queued.count(item) || view_of<SelfEventView>(item->data).target != point)) {
                datum = nullptr;
            }
        }
    }
}

} // namespace

void device_interpreter_ran() {
    failed_ = {}; // of a batch that ended with an error of its own
    queue_scanned_ = false;
    forget_device_sources();
    forget_device_records();
}

DeviceWindow device_window(int n_max, std::vector<int> const& device_types,
                           std::vector<int> const& moving_types) {
    failed_ = {};
    device_model();
    check_receivers(device_types);
    queue_scanned_ = queue_scanned_ && device_asking();
    if (!queue_scanned_) {
        device_records();
        find_shared_spike_vectors();
        if (!moving_types.empty()) {
            forget_dropped_events(moving_types);
        }
    }
    DeviceWindow window;
    WindowRun run(window, device_types);
    run.run(n_max);
    run.look_for_pending(moving_types);
    if (failed_.error && window.n_step == 0) {
        failed_.alone = window;
    }
    return window;
}

bool device_window_failed() { return failed_.error != nullptr; }

void device_rethrow(double& begun) {
    FailedWindow const failed = std::exchange(failed_, {});
    begun = failed.begun;
    auto const values = device_replay(failed.alone, 0, 0);
    for (size_t i = 0; i < values.size(); ++i) {
        auto const& sample = failed.alone.samples[i];
        device_records_read()[sample.record].y->elements.at(sample.element) = values[i];
    }
    std::rethrow_exception(failed.error);
}

} // namespace heliox
