#include "device_order.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "device_decl.hpp"
#include "device_model.hpp"
#include "device_sources.hpp"
#include "device_ties.hpp"
#include "device_watch.hpp"
#include "device_window.hpp"

namespace heliox {
namespace {

using Identity = std::pair<int, int64_t>; // the window's event or -1, number of one of the device's own

constexpr int64_t target_of(int mechanism, int instance) {
    return ((int64_t)mechanism + 1) * (int64_t(1) << 32) + instance;
}

std::vector<long> serial_;
long next_serial_ = 0;

class OrderReplay {
  public:
    explicit OrderReplay(DeviceWindow const& window) : window_(window) {
        when_delivered_.assign(window.n_delivery + 1, 0);
        for (size_t i = 0; i < window.deliveries.size(); ++i) {
            delivery_of_[window.deliveries[i].id] = (long)i;
        }
    }
    bool is_of(DeviceWindow const& window) const { return &window_ == &window; }
    std::optional<DeviceFirst> run(DeviceFound const& found);

    std::vector<OrderSent> spikes;
    std::unordered_map<int64_t, OrderSent> sent; // by the number of the log's entry
    long n_wrong = 0;
    long when_delivered(long ordinal) const { return when_delivered_.at(ordinal); }

  private:
    void read(DeviceFound const& found);
    bool step();
    void begin_step();
    bool deliver(double til);
    bool go_on();
    bool row(int event);
    bool receives(int64_t target, Identity identity, double t);
    void run_of(int event, int64_t own);
    void run_entry(int entry);
    void move(int entry);
    void send(PreSyn const* source, double t, OrderSent& out);
    long own_id(int64_t own, double t);

    DeviceWindow const& window_;
    DeviceFound const* found_ = nullptr;
    QueueOrder& order_ = queue_watch().order();
    // of the device's last run
    std::unordered_map<int, std::vector<int>> entries_of_event_;
    std::unordered_map<int64_t, std::vector<int>> entries_of_own_;
    std::unordered_map<int64_t, int64_t> target_of_own_;
    std::unordered_map<int64_t, std::vector<Identity>> order_at_; // by target
    // how far the window is done
    int step_ = 0, phase_ = -1;
    std::unordered_map<long, long> delivery_of_;  // by entry of the queue
    std::unordered_map<long, int64_t> own_of_;    // the same, events of the device's own
    std::unordered_map<int64_t, long> id_of_own_;
    std::unordered_map<int64_t, std::vector<std::pair<Identity, double>>>
        done_at_; // by target, what it got, when [ms]
    std::vector<long> when_delivered_;
    long when_ = 0;
    long last_host_ = -1;
    double t_ = 0;             // of the delivery that is being made [ms]
    long delivery_ = -1;       // that is being made, -1: none
    size_t op_ = 0;            // its next operation
    bool own_waits_ = false;   // an event of the device's own, until the device does it in this order
    int64_t waiting_own_ = -1;
    double last_own_t_ = -1, last_touch_t_ = -1; // ms
    DeviceFirst first_;
};

void OrderReplay::read(DeviceFound const& found) {
    found_ = &found;
    entries_of_event_.clear();
    entries_of_own_.clear();
    target_of_own_.clear();
    order_at_.clear();
    auto const& log = found.log;
    for (int i = 0; i < (int)log.op.size(); ++i) {
        if (log.event[i] >= 0) {
            entries_of_event_[log.event[i]].push_back(i);
        } else {
            entries_of_own_[log.own[i]].push_back(i);
        }
        if ((DeviceLog::Op)log.op[i] != DeviceLog::Op::net_event) {
            target_of_own_[log.key[i]] = target_of(log.mechanism[i], log.instance[i]);
        }
    }
    for (size_t f = 0; f < found.fired.own.size(); ++f) {
        target_of_own_[found.fired.own[f]] = found.fired.target[f];
    }
    auto const& delivered = found.delivered;
    for (size_t i = 0; i < delivered.target.size(); ++i) {
        order_at_[delivered.target[i]].push_back({delivered.event[i], delivered.own[i]});
    }
}

std::optional<DeviceFirst> OrderReplay::run(DeviceFound const& found) {
    read(found);
    for (; step_ < window_.n_step; ++step_, phase_ = -1) {
        if (!step()) {
            return first_;
        }
    }
    return {};
}

// False: the device is to do the window again.
bool OrderReplay::step() {
    if (phase_ < 0) {
        begin_step();
        phase_ = 0;
    }
    if (phase_ == 0) {
        if (!deliver(window_.t_half.at(step_))) {
            return false;
        }
        phase_ = 1;
    }
    return deliver(window_.t.at(step_ + 1));
}

// Thresholds, then WATCH conditions in the order of their activation.
void OrderReplay::begin_step() {
    auto const& step = found_->spike_step;
    auto const at = std::equal_range(step.begin(), step.end(), step_);
    for (auto it = at.first; it != at.second; ++it) {
        size_t const i = it - step.begin();
        spikes.resize(std::max(spikes.size(), i + 1));
        spikes[i].when = ++when_;
        send(device_sources_read().source.at(found_->spike_source[i]),
             window_.t.at(step_) + 1e-10, spikes[i]);
    }
    auto const& fired = found_->fired;
    std::vector<int> now;
    for (int f = 0; f < (int)fired.step.size(); ++f) {
        if (fired.step[f] == step_) {
            now.push_back(f);
        }
    }
    std::sort(now.begin(), now.end(), [&](int a, int b) {
        return serial_.at(fired.watch[a]) < serial_.at(fired.watch[b]);
    });
    for (int const f: now) {
        own_id(fired.own[f], window_.t.at(step_));
    }
}

long OrderReplay::own_id(int64_t own, double t) {
    long const id = queue_watch().number();
    own_of_[id] = own;
    id_of_own_[own] = id;
    order_.insert(id, t, nullptr);
    return id;
}

// As PreSyn::send, t: of the spike [ms].
void OrderReplay::send(PreSyn const* source, double t, OrderSent& out) {
    auto const& view = *reinterpret_cast<PreSynView const*>(source);
    auto insert = [&](double due) {
        out.ids.push_back(queue_watch().number());
        order_.insert(out.ids.back(), due, nullptr);
    };
    if (view.use_min_delay) {
        insert(t + view.delay);
        return;
    }
    for (void* const entry: view.netcons) {
        auto const& connection = *static_cast<NetConView const*>(entry);
        if (connection.active && connection.target) {
            insert(t + connection.delay);
        }
    }
}

bool OrderReplay::deliver(double til) {
    for (;;) {
        if (!go_on()) {
            return false;
        }
        if (order_.empty() || order_.head_time() > til) {
            return true;
        }
        t_ = order_.head_time();
        long const id = order_.pop();
        auto const own = own_of_.find(id);
        if (own != own_of_.end()) {
            own_waits_ = true;
            waiting_own_ = own->second;
            last_own_t_ = t_;
            n_wrong += last_touch_t_ == t_;
            continue;
        }
        auto const at = delivery_of_.find(id);
        if (at == delivery_of_.end()) {
            fprintf(stderr,"ZZ id %ld t %.17g window %.17g..%.17g first delivery %ld te %.17g n %zu\n",id,t_,window_.t[0],window_.t.back(), window_.deliveries.empty()?-1:window_.deliveries[0].id, window_.deliveries.empty()?-1:window_.deliveries[0].te,window_.deliveries.size()); for(auto&d:window_.deliveries)fprintf(stderr,"  d %ld %.17g\n",d.id,d.te);
            throw std::runtime_error("an event of NEURON's queue was not delivered in the window");
        }
        auto const& delivery = window_.deliveries[at->second];
        if (delivery.comes_last && !order_.empty() && order_.head_time() == t_) {
            order_.insert(id, t_, delivery.item);
            continue;
        }
        if (delivery.on_host) {
            n_wrong += at->second < last_host_;
            last_host_ = at->second;
        }
        if (delivery.touches) {
            n_wrong += last_own_t_ == t_;
            last_touch_t_ = t_;
        }
        delivery_ = at->second;
        op_ = delivery.first_op;
        when_delivered_[delivery_ + 1] = ++when_;
    }
}

// The rest of the delivery that is being made.
bool OrderReplay::go_on() {
    if (own_waits_) {
        auto const at = target_of_own_.find(waiting_own_);
        if (at == target_of_own_.end()) {
            throw std::runtime_error("an event of the device's has no target");
        }
        if (!receives(at->second, {-1, waiting_own_}, t_)) {
            return false;
        }
        own_waits_ = false;
        run_of(-1, waiting_own_);
    }
    if (delivery_ < 0) {
        return true;
    }
    auto const& deliveries = window_.deliveries;
    size_t const end = delivery_ + 1 < (long)deliveries.size()
                           ? deliveries[delivery_ + 1].first_op
                           : window_.queue_ops.size();
    for (; op_ < end; ++op_) {
        auto const& op = window_.queue_ops[op_];
        switch (op.kind) {
        case QueueOp::Kind::insert:
            order_.insert(op.id, op.t, op.item);
            break;
        case QueueOp::Kind::move:
            order_.move(op.id, op.t);
            break;
        case QueueOp::Kind::remove:
            order_.remove(op.id);
            break;
        case QueueOp::Kind::row:
            if (!row((int)op.id)) {
                return false;
            }
        }
    }
    delivery_ = -1;
    return true;
}

bool OrderReplay::row(int event) {
    auto const& e = window_.events.at(event);
    if (!receives(target_of(e.mechanism, e.instance), {event, -1}, t_)) {
        return false;
    }
    run_of(event, -1);
    return true;
}

// Whether the device delivered the same one.
bool OrderReplay::receives(int64_t target, Identity identity, double t) {
    auto& done = done_at_[target];
    auto const at = order_at_.find(target);
    size_t const k = done.size();
    if (at != order_at_.end() && k < at->second.size() && at->second[k] == identity) {
        done.emplace_back(identity, t);
        first_ = {};
        return true;
    }
    bool const again = first_.target == target && first_.t == t && !first_.events.empty() &&
                       first_.events.back() == identity;
    if (again) {
        throw std::runtime_error("the device does not keep NEURON's order of equal times");
    }
    first_ = {target, t, {}};
    // those of this time that came before
    for (auto it = done.rbegin(); it != done.rend() && it->second == t; ++it) {
        first_.events.insert(first_.events.begin(), it->first);
    }
    first_.events.push_back(identity);
    return false;
}

void OrderReplay::run_of(int event, int64_t own) {
    if (event >= 0) {
        if (auto const at = entries_of_event_.find(event); at != entries_of_event_.end()) {
            std::for_each(at->second.begin(), at->second.end(), [&](int i) { run_entry(i); });
        }
    } else if (auto const at = entries_of_own_.find(own); at != entries_of_own_.end()) {
        std::for_each(at->second.begin(), at->second.end(), [&](int i) { run_entry(i); });
    }
}

void OrderReplay::run_entry(int i) {
    auto const& log = found_->log;
    switch ((DeviceLog::Op)log.op[i]) {
    case DeviceLog::Op::send:
        sent[log.key[i]] = {++when_, {own_id(log.key[i], log.time[i])}};
        break;
    case DeviceLog::Op::net_event: {
        OrderSent& out = sent[log.key[i]];
        out.when = ++when_;
        int const type = device_model().mechanisms.at(log.mechanism[i]).type;
        if (void* const source = device_point(type, log.instance[i])->presyn_) {
            send(static_cast<PreSyn const*>(source), log.time[i], out);
        }
        break;
    }
    case DeviceLog::Op::move:
        move(i);
        break;
    case DeviceLog::Op::drop:
        if (auto const at = id_of_own_.find(log.what[i]); at != id_of_own_.end()) {
            if (order_.holds(at->second)) {
                order_.remove(at->second);
            }
        }
        break;
    case DeviceLog::Op::activate:
        serial_.at(log.what[i]) = next_serial_++;
    }
}

void OrderReplay::move(int i) {
    auto const& log = found_->log;
    long id = -1;
    switch ((DeviceLog::Moved)log.moved[i]) {
    case DeviceLog::Moved::own:
        id = id_of_own_.at(log.what[i]);
        break;
    case DeviceLog::Moved::row:
        id = window_.deliveries.at(window_.events.at(log.what[i]).ordinal - 1).id;
        break;
    case DeviceLog::Moved::pending:
        id = queue_watch().id_of(window_.pending.at(log.what[i]).item);
        break;
    }
    own_of_[id] = log.key[i];
    id_of_own_[log.key[i]] = id;
    order_.move(id, log.time[i]);
    sent[log.key[i]] = {++when_, {id}};
}

std::unique_ptr<OrderReplay> replay_;

OrderReplay const* replay_of(DeviceWindow const& window) {
    return replay_ && replay_->is_of(window) ? replay_.get() : nullptr;
}

} // namespace

std::string device_order_obstacle() { return QueueWatch::obstacle(); }

void device_order_begin(std::vector<long> const& serial, bool assigns_v) {
    set_v_is_assigned(assigns_v);
    if (std::string const why = QueueWatch::obstacle(); !why.empty()) {
        throw std::runtime_error(why);
    }
    replay_.reset();
    serial_ = serial;
    next_serial_ = 1 + (serial.empty() ? 0 : *std::max_element(serial.begin(), serial.end()));
    queue_watch().begin(*net_cvode_instance_event_queue(nrn_threads));
}

void device_order_end() {
    replay_.reset();
    if (queue_watch().active()) {
        queue_watch().end();
    }
}

std::vector<long> const& device_order_serial() { return serial_; }

std::optional<DeviceFirst> device_order(DeviceWindow const& window, DeviceFound const& found) {
    if (!queue_watch().active()) {
        throw std::runtime_error("device_order_begin() is to be called before device_order()");
    }
    if (!replay_of(window)) {
        replay_ = std::make_unique<OrderReplay>(window);
    }
    return replay_->run(found);
}

OrderSent const* order_of_spike(DeviceWindow const& window, size_t i) {
    auto const* const replay = replay_of(window);
    return replay && i < replay->spikes.size() ? &replay->spikes[i] : nullptr;
}

OrderSent const* order_of_log(DeviceWindow const& window, int64_t key) {
    auto const* const replay = replay_of(window);
    if (!replay) {
        return nullptr;
    }
    auto const at = replay->sent.find(key);
    return at == replay->sent.end() ? nullptr : &at->second;
}

long order_of_delivery(DeviceWindow const& window, long ordinal) {
    auto const* const replay = replay_of(window);
    return replay ? replay->when_delivered(ordinal) : ordinal;
}

long device_order_close(DeviceWindow const& window) {
    auto const* const replay = replay_of(window);
    if (!replay) {
        return 0;
    }
    long const n_wrong = replay->n_wrong + (long)queue_watch().expect({});
    replay_.reset();
    queue_watch().arrange();
    return n_wrong;
}

} // namespace heliox
