// One window of steps on the host (device_window.hpp): its steps in device_window.cpp, what is delivered in them in
// device_deliveries.cpp.
#pragma once

#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "device_decl.hpp"
#include "device_network.hpp"
#include "device_spike_order.hpp"
#include "device_ties.hpp"
#include "device_window.hpp"

namespace heliox {

struct DeviceRecord;

class WindowRun {
  public:
    WindowRun(DeviceWindow& window, std::vector<int> const& device_types);
    ~WindowRun();
    WindowRun(WindowRun const&) = delete;
    WindowRun& operator=(WindowRun const&) = delete;
    void run(int n_max);
    void look_for_pending(std::vector<int> const& types);
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
    void deliver_first();
    bool rotate();
    void note_delivery(TQItem* item);
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
    std::unordered_set<void const*> behind_; // what rotate() moved since the last delivery
    std::unordered_map<double*, int> weight_index_;
    SpikeOrder order_of_spikes_;
    NetworkHead network_head_;
    int step_ = 0, phase_ = 0, order_ = 0;
};

} // namespace heliox
