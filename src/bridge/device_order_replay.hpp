// One window's operations on NEURON's queue, in NEURON's order (device_order.hpp).
#pragma once

#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "device_order.hpp"
#include "device_queue_watch.hpp"

namespace heliox {

// Goes on where it stopped when the device has done the window again: what came before is the same.
class OrderReplay {
  public:
    // serial: order of activation of the WATCH conditions; it is kept up to date.
    OrderReplay(DeviceWindow const& window, std::vector<long>& serial);
    bool is_of(DeviceWindow const& window) const { return &window_ == &window; }
    // Empty: the device did it in this order. std::runtime_error where that cannot be found out.
    std::vector<DeviceFirst> run(DeviceFound const& found);

    std::vector<OrderSent> spikes;
    std::unordered_map<int64_t, OrderSent> sent; // by the number of the log's entry
    long n_wrong = 0;
    long when_delivered(long ordinal) const { return when_delivered_.at(ordinal); }

  private:
    using Identity =
        std::pair<int, int64_t>; // the window's event or -1, number of one of the device's own

    void read(DeviceFound const& found);
    bool step();
    void begin_step();
    bool deliver(double til);
    bool go_on();
    bool row(int event);
    bool receives(int64_t target, Identity identity, double t);
    void force(int64_t target, Identity identity, double t);
    void add_first(int64_t target, Identity identity, double t);
    void add_rows(long delivery, size_t first_op, double t);
    size_t end_of(long delivery) const;
    void check_end() const;
    void run_of(int event, int64_t own);
    void run_entry(int entry);
    void move(int entry);
    void send(PreSyn const* source, double t, OrderSent& out);
    long own_id(int64_t own, double t);

    DeviceWindow const& window_;
    DeviceFound const* found_ = nullptr;
    QueueOrder& order_ = queue_watch().order();
    std::vector<long>& serial_;
    long next_serial_;
    // of the device's last run
    std::unordered_map<int, std::vector<int>> entries_of_event_;
    std::unordered_map<int64_t, std::vector<int>> entries_of_own_;
    std::unordered_map<int64_t, int64_t> target_of_own_;
    std::unordered_map<int64_t, std::vector<Identity>> order_at_; // by target
    // how far the window is done
    int step_ = 0, phase_ = -1;
    std::unordered_map<long, long> delivery_of_; // by entry of the queue
    std::unordered_map<long, int64_t> own_of_;   // the same, events of the device's own
    std::unordered_map<int64_t, long> id_of_own_;
    std::unordered_map<int64_t, std::vector<std::pair<Identity, double>>>
        done_at_; // by target, what it got, when [ms]
    std::vector<long> when_delivered_;
    long when_ = 0;
    std::unordered_map<void const*, long> last_of_cell_; // deliveries
    double t_ = 0;                                       // of the delivery that is being made [ms]
    long delivery_ = -1;                                 // that is being made, -1: none
    long furthest_ = -1;                                 // of the host's deliveries
    size_t op_ = 0;                                      // its next operation
    bool own_waits_ = false; // an event of the device's own, until the device does it in this order
    int64_t waiting_own_ = -1;
    double last_own_t_ = -1, last_touch_t_ = -1; // ms
    std::unordered_set<long> behind_; // put behind others of this time: WindowRun::rotate()
    std::vector<char> made_;          // deliveries that were made, or moved by the device
    std::unordered_map<int, std::vector<int>> fired_in_; // by step, of the device's last run
    // what is to come first at a target at a time [ms]: what was said last, and what is to be said now
    std::map<std::pair<int64_t, double>, std::vector<Identity>> said_, firsts_;
};

} // namespace heliox
