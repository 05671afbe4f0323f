// Keeps the order in which sources of the host and of the device record spikes into one Vector.
//
// In a window the host's sources record first and the device's when it is done; NEURON would have recorded them as
// they came.
#pragma once

#include <vector>

#include "device_window.hpp"

namespace heliox {

// Looks for Vectors that have several sources.
void find_shared_spike_vectors();

class SpikeOrder {
  public:
    explicit SpikeOrder(std::vector<DeviceSpikeVector>& vectors) : vectors_(vectors) {}
    explicit SpikeOrder(std::vector<DeviceSpikeVector> const& vectors)
        : own_(vectors), vectors_(own_) {}
    SpikeOrder(SpikeOrder const&) = delete;
    SpikeOrder& operator=(SpikeOrder const&) = delete;

    // For a window that starts now.
    void begin();
    // What was added since the last call was added at `when`.
    void note(double when);
    // Notes `when(w)` for each w that begin()'s notes hold.
    template <class When>
    void renumber(When when) {
        for (auto& vector: vectors_) {
            for (double& noted: vector.when) {
                noted = when(noted);
            }
        }
    }
    // Puts the elements of the window in the order of their times of addition.
    void sort();

  private:
    std::vector<DeviceSpikeVector> own_;
    std::vector<DeviceSpikeVector>& vectors_;
};

} // namespace heliox
