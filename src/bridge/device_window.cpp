#include "device_window.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "device_decl.hpp"
#include "device_engine.hpp"
#include "device_model.hpp"
#include "device_records.hpp"
#include "device_sources.hpp"
#include "device_spike_order.hpp"
#include "device_ties.hpp"
#include "device_watch.hpp"
#include "device_window_run.hpp"
#include "structure.hpp"

namespace heliox {
namespace {

struct FailedWindow {
    std::exception_ptr error;
    double begun = 0;   // [ms] the step
    DeviceWindow alone; // a window without a whole step
};
FailedWindow failed_;

WindowRun* active_ = nullptr;

void receive_in_writing(Point_process* point, double* weight, double flag) {
    active_->receive(point, weight, flag);
}

} // namespace

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
            pnt_receive[type] = &receive_in_writing;
        }
    }
    active_ = this;
    if (window_.ordered) {
        queue_watch().write_down(&window_.queue_ops);
    }
}

WindowRun::~WindowRun() {
    active_ = nullptr;
    queue_watch().write_down(nullptr);
    for (auto const& [type, original]: replaced_) {
        pnt_receive[type] = original;
    }
    for (auto const& saved: saved_) {
        *saved.address = saved.value;
    }
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

void WindowRun::play() {
    fixed_play_continuous(&nt_);
    for (uint64_t address: window_.play_address) {
        window_.play.push_back(*reinterpret_cast<double*>(address));
    }
}

// False: the window ends before this step; `stop` says why.
bool WindowRun::step() {
    double const half = nt_._t + .5 * nt_._dt;
    double const end = half + .5 * nt_._dt;
    StepTies const ties = window_.ordered ? ties_until(queue_, end) : StepTies::none;
    if (ties == StepTies::alone && step_ > 0) {
        window_.stop = "n_max"; // the next window begins with it
        return false;
    }
    if (host_event_time(queue_) <= end || ties == StepTies::host) {
        window_.stop = "host step";
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

namespace {

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
    forget_host_events();
    forget_device_sources();
    forget_device_records();
}

DeviceWindow device_window(int n_max, std::vector<int> const& device_types,
                           std::vector<int> const& moving_types) {
    failed_ = {};
    device_model();
    check_receivers(device_types);
    if (!device_asking()) {
        forget_host_events();
    }
    if (!host_events_known()) {
        device_records();
        find_shared_spike_vectors();
        if (!moving_types.empty()) {
            forget_dropped_events(moving_types);
        }
    }
    DeviceWindow window;
    window.ordered = queue_watch().active();
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
