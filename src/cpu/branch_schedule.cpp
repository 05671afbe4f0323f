#include "branch_schedule.hpp"

#include <queue>
#include <utility>

namespace heliox {

namespace {

struct Builder {
    Builder(std::vector<int> const& parent, int lanes, int loyalty);
    void run();
    double cost() const;
    void place_round(std::vector<int> const& nodes);
    void link();

    std::vector<int> const& parent;
    int const lanes;
    int const loyalty; // edges of distance from the root a node may lack if its lane is its child's
    std::vector<std::vector<int>> kids; // ascending
    std::vector<int> depth, waiting, slot;
    BranchScheduleData out;
};

Builder::Builder(std::vector<int> const& parent_, int lanes_, int loyalty_)
    : parent(parent_), lanes(lanes_), loyalty(loyalty_), kids(parent_.size()),
      depth(parent_.size(), 0), waiting(parent_.size(), 0), slot(parent_.size(), -1) {
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
    std::vector<int> fresh; // became ready in the last round
    while (!ready.empty() || !fresh.empty()) {
        for (int i: fresh) {
            bool const carried = slot[kids[i].front()] / lanes == int(out.round.size()) - 1;
            ready.push({depth[i] + (carried ? loyalty : 0), i});
        }
        fresh.clear();
        std::vector<int> nodes;
        while (!ready.empty() && int(nodes.size()) < lanes) {
            nodes.push_back(ready.top().second);
            ready.pop();
        }
        place_round(nodes);
        for (int i: nodes) {
            int const p = parent[i];
            if (p >= 0 && --waiting[p] == 0) fresh.push_back(p);
        }
    }
    link();
}

// Cycles of a solve, roughly. A round takes a division, a product and a difference each way, in
// turn; a link costs the instructions of a broadcast.
double Builder::cost() const {
    return 40. * double(out.round.size()) + 3. * double(out.late.size()) +
           2. * double(out.fetch.size());
}

// Gives each node of a round a lane: that of its first child if the child was one round earlier, so
// that its terms stay in a register.
void Builder::place_round(std::vector<int> const& nodes) {
    int const base = int(out.row.size());
    int const n_row = int(parent.size());
    out.row.resize(base + lanes, n_row);
    BranchRound round{};
    std::vector<int> homeless;
    for (int i: nodes) {
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
    for (int i: homeless) {
        while (out.row[base + lane] != n_row) ++lane;
        out.row[base + lane] = i;
        slot[i] = base + lane;
    }
    out.round.push_back(round);
}

void Builder::link() {
    for (int here = 0; here < int(out.row.size()); ++here) {
        BranchRound& round = out.round[here / lanes];
        int const i = out.row[here];
        if (i < int(parent.size())) {
            unsigned const lane = 1u << here % lanes;
            bool const carried = round.carried & lane;
            for (std::size_t k = kids[i].size(); k-- > (carried ? 1u : 0u);) {
                out.late.push_back({lane, slot[kids[i][k]]});
            }
            // a parent one round later in the same lane leaves its solution there
            bool const inherited = parent[i] < 0 || slot[parent[i]] == here + lanes;
            if (!inherited) out.fetch.push_back({lane, slot[parent[i]]});
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
    // Strictly deepest first gives the fewest rounds but hops between branches of equal depth, and
    // every hop is a link through memory; so try how much loyalty to the branch pays.
    BranchScheduleData best;
    double least = 0.;
    for (int loyalty: {0, 2, 4, 8, 16, 32, 64, 1 << 20}) {
        Builder builder(parent, lanes, loyalty);
        builder.run();
        double const cost = builder.cost();
        if (best.round.empty() || cost < least) {
            least = cost;
            best = std::move(builder.out);
        }
    }
    return best;
}

} // namespace heliox
