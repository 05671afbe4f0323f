#include "device_spike_order.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "device_decl.hpp"

namespace heliox {

namespace {

std::vector<DeviceSpikeVector> shared_;

} // namespace

void find_shared_spike_vectors() {
    std::map<void*, std::pair<void*, int>> users; // of each Vector of times: its ids, how many
    if (auto const* all = net_cvode_instance_psl()) {
        for (auto* source: *all) {
            auto const& view = *reinterpret_cast<PreSynView*>(source);
            if (view.times) {
                auto& [ids, count] = users[view.times];
                ids = view.ids;
                ++count;
            }
        }
    }
    shared_.clear();
    for (auto const& [times, use]: users) {
        if (use.second > 1) {
            shared_.push_back(
                {static_cast<VectorView*>(times), static_cast<VectorView*>(use.first), 0, {}});
        }
    }
}

void SpikeOrder::begin() {
    vectors_ = shared_;
    for (auto& vector: vectors_) {
        vector.first = vector.times->elements.size();
    }
}

void SpikeOrder::note(double when) {
    for (auto& vector: vectors_) {
        vector.when.resize(vector.times->elements.size() - vector.first, when);
    }
}

void SpikeOrder::sort() {
    for (auto& vector: vectors_) {
        auto const& when = vector.when;
        if (std::is_sorted(when.begin(), when.end())) {
            continue;
        }
        std::vector<size_t> order(when.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](size_t a, size_t b) { return when[a] < when[b]; });
        for (auto* column: {vector.times, vector.ids}) {
            if (!column || column->elements.size() < vector.first + when.size()) {
                continue;
            }
            auto const begin = column->elements.begin() + (long)vector.first;
            std::vector<double> const before(begin, begin + (long)when.size());
            std::transform(order.begin(), order.end(), begin, [&](size_t i) { return before[i]; });
        }
    }
}

} // namespace heliox
