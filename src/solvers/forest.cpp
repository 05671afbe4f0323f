#include "forest.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace heliox::solvers {

Forest::Forest(std::vector<int> parent_)
    : parent(std::move(parent_)), depth(parent.size(), 0), child_first_(parent.size() + 1, 0) {
    for (int i = 0; i < n_node(); ++i) {
        int const p = parent[i];
        if (p >= i || p < -1) {
            throw std::invalid_argument("parent[" + std::to_string(i) + "] is " +
                                        std::to_string(p) + ": parents come before their children");
        }
        if (p >= 0) {
            depth[i] = depth[p] + 1;
            ++child_first_[p + 1];
        }
    }
    for (int i = 0; i < n_node(); ++i) {
        child_first_[i + 1] += child_first_[i];
    }
    child_.resize(child_first_.back());
    std::vector<int> next(child_first_.begin(), child_first_.end() - 1);
    for (int i = n_node() - 1; i >= 0; --i) {
        if (parent[i] >= 0) {
            child_[next[parent[i]]++] = i;
        }
    }
}

int Forest::n_level() const {
    return depth.empty() ? 0 : *std::max_element(depth.begin(), depth.end()) + 1;
}

Scheduler::Scheduler(Forest const& forest_, int n_lane_)
    : forest(forest_), n_lane(n_lane_), level_(forest_.parent.size(), -1),
      waiting_(forest_.parent.size(), 0) {}

// As std::pair: the deepest is the largest, then the first in NEURON's order.
static std::pair<int, int> entry(int level, int node) { return {level, -node}; }

void Scheduler::begin(std::vector<int> const& nodes) {
    ready_.clear();
    fresh_.clear();
    for (int const i: nodes) {
        int const p = forest.parent[i];
        level_[i] = p >= 0 ? level_[p] + 1 : 0;
        waiting_[i] = 0;
        if (p >= 0 && level_[p] >= 0) {
            ++waiting_[p];
        }
    }
    for (int const i: nodes) {
        if (!waiting_[i]) {
            ready_.push_back(entry(level_[i], i));
        }
    }
    std::make_heap(ready_.begin(), ready_.end());
}

Rounds Scheduler::rounds(std::vector<int> const& nodes, int limit, int margin) {
    begin(nodes);
    Rounds out;
    auto wait = [&](std::pair<int, int> one) {
        ready_.push_back(one);
        std::push_heap(ready_.begin(), ready_.end());
    };
    while (!ready_.empty() || !fresh_.empty()) {
        if (limit && out.size() == limit) {
            break;
        }
        // nodes at this level or deeper must not wait; what is fresh has a child in the round before
        int const due = limit ? limit - out.size() - 1 - margin : 0;
        std::sort(fresh_.begin(), fresh_.end(), std::greater<>());
        size_t taken = 0; // of the fresh ones
        auto fresh_is_next = [&] {
            if (taken == fresh_.size() || ready_.empty()) {
                return taken < fresh_.size();
            }
            auto const &one = fresh_[taken], &other = ready_.front();
            int const urgent = limit ? std::max(one.first, due - 1) : one.first;
            int const other_urgent = limit ? std::max(other.first, due - 1) : other.first;
            return urgent != other_urgent ? urgent > other_urgent : limit || one > other;
        };
        for (int k = 0; k < n_lane && (taken < fresh_.size() || !ready_.empty()); ++k) {
            if (fresh_is_next()) {
                out.node.push_back(-fresh_[taken++].second);
            } else {
                out.node.push_back(-ready_.front().second);
                std::pop_heap(ready_.begin(), ready_.end());
                ready_.pop_back();
            }
        }
        std::for_each(fresh_.begin() + (long)taken, fresh_.end(), wait);
        fresh_.clear();
        for (size_t k = out.first.back(); k < out.node.size(); ++k) {
            int const p = forest.parent[out.node[k]];
            if (p >= 0 && level_[p] >= 0 && --waiting_[p] == 0) {
                fresh_.push_back(entry(level_[p], p));
            }
        }
        out.first.push_back((int)out.node.size());
    }
    for (int const i: nodes) {
        level_[i] = -1;
    }
    return out;
}

} // namespace heliox::solvers
