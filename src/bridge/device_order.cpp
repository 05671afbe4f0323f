#include "device_order.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "device_decl.hpp"
#include "device_order_replay.hpp"
#include "device_window.hpp"

namespace heliox {
namespace {

std::vector<long> serial_; // of WATCH conditions
std::unique_ptr<OrderReplay> replay_;
bool lost_ = false; // in this window
bool done_ = false; // the same, it was replayed to its end
std::string why_lost_;

OrderReplay const* replay_of(DeviceWindow const& window) {
    return replay_ && replay_->is_of(window) ? replay_.get() : nullptr;
}

} // namespace

std::string device_order_obstacle() { return QueueWatch::obstacle(); }

void device_order_begin(std::vector<long> const& serial) {
    if (std::string const why = QueueWatch::obstacle(); !why.empty()) {
        throw std::runtime_error(why);
    }
    replay_.reset();
    lost_ = done_ = false;
    serial_ = serial;
    queue_watch().begin(*net_cvode_instance_event_queue(nrn_threads));
}

void device_order_end() {
    replay_.reset();
    if (queue_watch().active()) {
        queue_watch().end();
    }
}

std::vector<long> const* device_order_serial() { return done_ ? &serial_ : nullptr; }

void device_order_set_serial(std::vector<long> const& serial) { serial_ = serial; }

std::string const& device_order_lost() { return why_lost_; }

std::vector<DeviceFirst> device_order(DeviceWindow const& window, DeviceFound const& found) {
    if (!queue_watch().active()) {
        throw std::runtime_error("device_order_begin() is to be called before device_order()");
    }
    if (!replay_of(window)) {
        replay_ = std::make_unique<OrderReplay>(window, serial_);
    }
    done_ = false;
    try {
        auto firsts = replay_->run(found);
        done_ = firsts.empty();
        return firsts;
    } catch (std::exception const& error) { // the window is done nevertheless, and the run warns
        why_lost_ = error.what();
        replay_.reset();
        lost_ = true;
        return {};
    }
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
    bool const done = std::exchange(done_, false);
    auto const* const replay = replay_of(window);
    if (std::exchange(lost_, false) || (replay && !done)) {
        replay_.reset();
        queue_watch().begin(*net_cvode_instance_event_queue(nrn_threads));
        return 1;
    }
    if (!replay) {
        return 0;
    }
    long const n_wrong = replay->n_wrong + (long)queue_watch().expect({});
    replay_.reset();
    queue_watch().arrange();
    return n_wrong;
}

} // namespace heliox
