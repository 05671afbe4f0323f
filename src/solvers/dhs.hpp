// Plan of dendritic hierarchical scheduling with a warp a subtree (Zhang et al. 2023), for src/gpu/tree_dhs.cuh.
#pragma once

#include <vector>

#include "forest.hpp"

namespace heliox::solvers {

// Lanes of a warp in each round: a node or -1. [n_round * n_lane]
struct DhsSchedule {
    std::vector<int> lane;
    std::vector<int>
        carried; // children whose elimination their parent finds in its lane's registers
};

// Which rounds each warp does in each phase.
struct DhsLayout {
    int n_lane = 0;
    std::vector<std::vector<DhsSchedule>> phases; // [phase][warp]
    std::vector<char> carried;                    // by node

    int n_round(DhsSchedule const& schedule) const { return (int)schedule.lane.size() / n_lane; }
    int rounds() const; // of the longest warp of each phase
};

// Whole cells on warps; subtrees, if that saves a tenth of the rounds.
DhsLayout dhs_layout(Forest const& tree, int n_thread);

struct DhsTable {
    std::vector<unsigned> words;
    long scratch_doubles;
    int rounds;
};

// slot: [n_node] where each node lies in the block. Throws std::invalid_argument for blocks too large.
DhsTable dhs_table(Forest const& tree, std::vector<int> const& slot, int n_thread);

} // namespace heliox::solvers
