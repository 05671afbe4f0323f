#include "branch_schedule.hpp"

#include <queue>
#include <utility>

namespace heliox {

namespace {

struct Builder {
    Builder(std::vector<int> const& parent, int lanes);
    void run();
    void place_round(std::vector<int> const& nodes);
    void link();

    std::vector<int> const& parent;
    int const lanes;
    std::vector<std::vector<int>> kids; // ascending
    std::vector<int> depth, waiting, slot;
    BranchScheduleData out;
};

Builder::Builder(std::vector<int> const& parent_, int lanes_)
    : parent(parent_), lanes(lanes_), kids(parent_.size()), depth(parent_.size(), 0),
      waiting(parent_.size(), 0), slot(parent_.size(), -1) {
    for (int i = 1; i < int(parent.size()); ++i) {
        kids[parent[i]].push_back(i);
        ++waiting[parent[i]];
        depth[i] = depth[parent[i]] + 1;
    }
}

void Builder::run() {
    using Entry = std::pair<int, int>; // depth, row
    std::priority_queue<Entry> ready;
    for (int i = 0; i < int(parent.size()); ++i) {
        if (!waiting[i]) ready.push({depth[i], i});
    }
    while (!ready.empty()) {
        std::vector<int> nodes;
        while (!ready.empty() && int(nodes.size()) < lanes) {
            nodes.push_back(ready.top().second);
            ready.pop();
        }
        place_round(nodes);
        for (int i : nodes) {
            int const p = parent[i];
            if (p >= 0 && --waiting[p] == 0) ready.push({depth[p], p});
        }
    }
    link();
}

// Gives each node of a round a lane: that of its first child if the child was one round earlier, so
// that its terms stay in a register.
void Builder::place_round(std::vector<int> const& nodes) {
    int const base = int(out.row.size());
    int const n_row = int(parent.size());
    out.row.resize(base + lanes, n_row);
    BranchRound round{};
    std::vector<int> homeless;
    for (int i : nodes) {
        int const child = kids[i].empty() ? -1 : kids[i].front();
        if (child >= 0 && slot[child] / lanes == base / lanes - 1) {
            int const lane = slot[child] % lanes;
            out.row[base + lane] = i;
            slot[i] = base + lane;
            round.carried |= 1u << lane;
        } else {
            homeless.push_back(i);
        }
    }
    int lane = 0;
    for (int i : homeless) {
        while (out.row[base + lane] != n_row) ++lane;
        out.row[base + lane] = i;
        slot[i] = base + lane;
    }
    out.round.push_back(round);
}

void Builder::link() {
    for (int r = 0; r < int(out.round.size()); ++r) {
        BranchRound& round = out.round[r];
        for (int lane = 0; lane < lanes; ++lane) {
            int const here = r * lanes + lane;
            int const i = out.row[here];
            if (i == int(parent.size())) continue;
            bool const carried = round.carried >> lane & 1;
            for (std::size_t k = kids[i].size(); k-- > (carried ? 1u : 0u);) {
                out.late.push_back({1u << lane, slot[kids[i][k]]});
            }
            if (parent[i] < 0) continue;
            if (slot[parent[i]] == here + lanes) {
                round.inherited |= 1u << lane;
            } else {
                out.fetch.push_back({1u << lane, slot[parent[i]]});
            }
        }
        round.late_end = int(out.late.size());
        round.fetch_end = int(out.fetch.size());
    }
}

} // namespace

BranchSchedule BranchScheduleData::view() const {
    return {int(round.size()), round.data(), row.data(), late.data(), fetch.data()};
}

BranchScheduleData make_branch_schedule(std::vector<int> const& parent, int lanes) {
    Builder builder(parent, lanes);
    builder.run();
    return std::move(builder.out);
}

} // namespace heliox
