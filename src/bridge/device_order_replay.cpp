#include "device_order_replay.hpp"

#include <algorithm>
#include <iterator>
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
      when_delivered_(window.n_delivery + 1), made_(window.deliveries.size()) {
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
    fired_in_.clear();
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
        fired_in_[found.fired.step[f]].push_back((int)f);
    }
    auto const& delivered = found.delivered;
    for (size_t i = 0; i < delivered.target.size(); ++i) {
        order_at_[delivered.target[i]].push_back({delivered.event[i], delivered.own[i]});
    }
}

std::vector<DeviceFirst> OrderReplay::run(DeviceFound const& found) {
    read(found);
    for (; step_ < window_.n_step; ++step_, phase_ = -1) {
        if (!step()) {
            std::vector<DeviceFirst> out;
            for (auto& [at, events]: firsts_) {
                said_[at] = events;
                out.push_back({at.first, at.second, std::move(events)});
            }
            firsts_.clear();
            return out;
        }
    }
    check_end();
    return {};
}

// All that the host and the device delivered has been met.
void OrderReplay::check_end() const {
    if (std::find(made_.begin(), made_.end(), 0) != made_.end()) {
        throw std::runtime_error("the host delivered what NEURON's queue would not have held");
    }
    for (auto const& [target, order]: order_at_) {
        auto const done = done_at_.find(target);
        if (done == done_at_.end() || done->second.size() != order.size()) {
            throw std::runtime_error("the device delivered what NEURON would not have");
        }
    }
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
    std::vector<int> now = fired_in_[step_];
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
            behind_.clear();
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
        if (delivery.comes_last && !order_.empty() && order_.head_time() == t_ &&
            behind_.insert(id).second) {
            order_.insert(id, t_, delivery.item);
            continue;
        }
        behind_.clear();
        if (delivery.cell) {
            long& last = last_of_cell_[delivery.cell];
            n_wrong += at->second < last;
            last = at->second;
        }
        if (delivery.touches) {
            n_wrong += last_own_t_ == t_;
            last_touch_t_ = t_;
        }
        made_[at->second] = 1;
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
    for (size_t const end = end_of(delivery_); op_ < end; ++op_) {
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

// Behind the last of the operations that a delivery made.
size_t OrderReplay::end_of(long delivery) const {
    auto const& deliveries = window_.deliveries;
    return delivery + 1 < (long)deliveries.size() ? deliveries[delivery + 1].first_op
                                                  : window_.queue_ops.size();
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
        return true;
    }
    force(target, identity, t);
    return false;
}

// The device is to deliver `identity` next at its target, and what else is due at this time in the queue's order as it is
// now: what comes of that is looked at in the next run.
void OrderReplay::force(int64_t target, Identity identity, double t) {
    firsts_.clear();
    add_first(target, identity, t);
    if (!own_waits_) { // the rest of this delivery
        add_rows(delivery_, op_ + 1, t);
    }
    for (long const id: order_.at(t)) {
        if (auto const own = own_of_.find(id); own != own_of_.end()) {
            if (auto const at = target_of_own_.find(own->second); at != target_of_own_.end()) {
                add_first(at->second, {-1, own->second}, t);
            }
        } else if (auto const at = delivery_of_.find(id); at != delivery_of_.end()) {
            add_rows(at->second, window_.deliveries[at->second].first_op, t);
        }
    }
    auto const& now = firsts_.at({target, t});
    auto const& done = done_at_[target];
    long const n = 1 + std::count_if(done.begin(), done.end(),
                                     [&](auto const& got) { return got.second == t; });
    auto const said = said_.find({target, t});
    if (said != said_.end() && (long)said->second.size() >= n &&
        std::equal(now.begin(), now.begin() + n, said->second.begin())) {
        throw std::runtime_error("the device does not keep NEURON's order of equal times");
    }
}

void OrderReplay::add_rows(long delivery, size_t first_op, double t) {
    for (size_t k = first_op, end = end_of(delivery); k < end; ++k) {
        if (auto const& op = window_.queue_ops[k]; op.kind == QueueOp::Kind::row) {
            auto const& e = window_.events.at(op.id);
            add_first(target_of(e.mechanism, e.instance), {(int)op.id, -1}, t);
        }
    }
}

// Behind those of this time that came before at the target.
void OrderReplay::add_first(int64_t target, Identity identity, double t) {
    auto const [at, fresh] = firsts_.try_emplace({target, t});
    auto& events = at->second;
    if (fresh) {
        auto const& done = done_at_[target];
        auto begin = done.end();
        while (begin != done.begin() && std::prev(begin)->second == t) {
            --begin;
        }
        std::for_each(begin, done.end(), [&](auto const& got) { events.push_back(got.first); });
    }
    events.push_back(identity);
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
        made_.at(window_.events.at(log.what[i]).ordinal - 1) = 1;
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
