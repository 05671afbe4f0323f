// Order of elimination for one cell with the lanes of a vector on different branches.
#pragma once

#include <vector>

#include "tree_plan.hpp"

namespace heliox {

// Owns the arrays of a BranchSchedule.
struct BranchScheduleData {
    std::vector<BranchRound> round;
    std::vector<int> row;
    std::vector<BranchLink> late, fetch;
    BranchSchedule view() const;
};

// parent: [n_row] rows of one cell, parent[0] = -1, parent[i] < i. At most `lanes` nodes a round,
// ready nodes far from the root first (Hu 1961; Zhang et al. 2023), branches kept in their lane
// where it pays.
BranchScheduleData make_branch_schedule(std::vector<int> const& parent, int lanes);

} // namespace heliox
