// The trees of a block, as plans are made from them. heliox_neuron/solvers/forest.py is the same in Python.
#pragma once

#include <utility>
#include <vector>

namespace heliox::solvers {

// Nodes in NEURON's order. depth: edges up to the root.
class Forest {
  public:
    // parent: -1 for roots. Throws std::invalid_argument unless parents come before children.
    explicit Forest(std::vector<int> parent);

    std::vector<int> parent, depth;

    int n_node() const { return (int)parent.size(); }
    // Nodes on the longest way from a root to a tip: no exact method has fewer rounds.
    int n_level() const;

    // The last in NEURON's order first: the order in which exact methods subtract them.
    struct Children {
        int const *first, *last;
        int const* begin() const { return first; }
        int const* end() const { return last; }
        int size() const { return (int)(last - first); }
    };
    Children children(int i) const {
        return {child_.data() + child_first_[i], child_.data() + child_first_[i + 1]};
    }

  private:
    std::vector<int> child_first_, child_;
};

// Nodes that are done one round after another: round r is node[first[r]] to node[first[r + 1]].
struct Rounds {
    std::vector<int> node, first = {0};
    int size() const { return (int)first.size() - 1; }
};

// Makes rounds of some nodes of a forest; holds what it needs for that from call to call.
class Scheduler {
  public:
    Scheduler(Forest const& forest, int n_lane);

    // Rounds of at most n_lane ready nodes, tips first, the deepest first. nodes: those to schedule, in
    // NEURON's order; with any two of a tree they hold the way between them. Children outside count
    // as done. Deepest first gives the fewest rounds (Hu 1961; Zhang et al. 2023, algorithm 1). With a
    // limit on the rounds, nodes that would be within `margin` rounds of missing it come first, then
    // those whose child was in the round before; what misses the limit is not finished.
    Rounds rounds(std::vector<int> const& nodes, int limit = 0, int margin = 0);

    Forest const& forest;
    int const n_lane;

  private:
    void begin(std::vector<int> const& nodes);

    std::vector<int> level_, waiting_; // by node; level -1: not among the nodes
    std::vector<std::pair<int, int>> ready_, fresh_;
};

} // namespace heliox::solvers
