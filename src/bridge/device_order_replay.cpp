#include "device_order_replay.hpp"

#include <algorithm>
#include <stdexcept>

#include "device_decl.hpp"
#include "device_model.hpp"
#include "device_sources.hpp"
#include "device_watch.hpp"
#include "device_window.hpp"

namespace heliox {
namespace {

constexpr int64_t target_of(int mechanism, int instance) {
    return ((int64_t)mechanism + 1) * (int64_t(1) << 32) + instance;
}

} // namespace

OrderReplay::OrderReplay(DeviceWindow const& window, std::vector<long>& serial)
    : window_(window), serial_(serial),
      next_serial_(1 + (serial.empty() ? 0 : *std::max_element(serial.begin(), serial.end()))),
      when_delivered_(window.n_delivery + 1) {
    for (size_t i = 0; i < window.deliveries.size(); ++i) {
        delivery_of_[window.deliveries[i].id] = (long)i;
    }
}

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
        send(device_sources_read().source.at(found_->spike_source[i]), window_.t.at(step_) + 1e-10,
             spikes[i]);
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
            throw std::runtime_error("an event of NEURON's queue was not delivered in the window");
        }
        auto const& delivery = window_.deliveries[at->second];
        if (delivery.comes_last && !order_.empty() && order_.head_time() == t_) {
            order_.insert(id, t_, delivery.item);
            continue;
        }
        if (delivery.cell) {
            long& last = last_of_cell_[delivery.cell];
            n_wrong += at->second < last;
            last = at->second;
        }
        if (delivery.touches) {
            n_wrong += last_own_t_ == t_;
            last_touch_t_ = t_;
        }
        furthest_ = std::max(furthest_, at->second);
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
    size_t const end = delivery_ + 1 < (long)deliveries.size() ? deliveries[delivery_ + 1].first_op
                                                               : window_.queue_ops.size();
    for (; op_ < end; ++op_) {
        auto const& op = window_.queue_ops[op_];
        switch (op.kind) {
        case QueueOp::Kind::insert:
            order_.insert(op.id, op.t, op.item);
            if (delivery_ < furthest_) { // NEURON's queue has it before what came here before
                order_.note_change(op.t);
            }
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

} // namespace heliox
