#include "dhs.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace heliox::solvers {
namespace {

constexpr int kLanes = 32;
constexpr unsigned kIdle = 0xffff;
constexpr int kAhead = 4; // idle rounds before and after
constexpr int kMaxSlot = 0xfffe;
constexpr int kMaxSum = 0x7fff;
constexpr unsigned kNowhere = 0xffff;

using Nodes = std::vector<int>;

// Gives the nodes of rounds their lanes: a child's, if that was in the round before.
class Lanes {
  public:
    explicit Lanes(Forest const& tree) : tree_(tree), before_(tree.parent.size(), -1) {}

    DhsSchedule place(Rounds const& rounds, int n_lane) {
        DhsSchedule out;
        out.lane.assign((size_t)rounds.size() * n_lane, -1);
        for (int r = 0; r < rounds.size(); ++r) {
            place_round(rounds.node.data() + rounds.first[r],
                        rounds.node.data() + rounds.first[r + 1],
                        out.lane.data() + (size_t)r * n_lane, out.carried);
            forget(r ? rounds.first[r - 1] : 0, rounds.first[r], rounds);
            for (int k = 0; k < n_lane; ++k) {
                if (int const i = out.lane[(size_t)r * n_lane + k]; i >= 0) {
                    before_[i] = k;
                }
            }
        }
        forget(0, (int)rounds.node.size(), rounds);
        return out;
    }

  private:
    void place_round(int const* begin, int const* end, int* lane, Nodes& carried) {
        rest_.clear();
        for (int const* i = begin; i < end; ++i) {
            auto const children = tree_.children(*i);
            auto const* child = std::find_if(children.begin(), children.end(),
                                             [&](int c) { return before_[c] >= 0; });
            if (child == children.end()) {
                rest_.push_back(*i);
            } else {
                lane[before_[*child]] = *i;
                carried.push_back(*child);
            }
        }
        for (int const i: rest_) {
            while (*lane >= 0) {
                ++lane;
            }
            *lane = i;
        }
    }

    void forget(int begin, int end, Rounds const& rounds) {
        for (int k = begin; k < end; ++k) {
            before_[rounds.node[k]] = -1;
        }
    }

    Forest const& tree_;
    Nodes before_, rest_; // before_: lane of a node that was in the round before, else -1
};

class Builder {
  public:
    Builder(Forest const& tree, int n_thread)
        : tree_(tree), n_warp_(std::max(1, n_thread / kLanes)),
          scheduler_(tree, std::min(kLanes, n_thread)), lanes_(tree), size_(tree.parent.size(), 1) {
        for (int i = tree.n_node() - 1; i >= 0; --i) {
            if (tree.parent[i] >= 0) {
                size_[tree.parent[i]] += size_[i];
            }
        }
    }

    // Subtrees of at most `limit` nodes first, then what is nearer to the roots.
    DhsLayout layout(int limit) {
        DhsLayout out;
        out.n_lane = scheduler_.n_lane;
        out.carried.assign(tree_.parent.size(), 0);
        for (bool const small: {true, false}) {
            std::vector<Nodes> warps = share(pieces(limit, small));
            if (warps.empty()) {
                continue;
            }
            auto& phase = out.phases.emplace_back();
            for (auto& nodes: warps) {
                std::sort(nodes.begin(), nodes.end());
                phase.push_back(schedule(nodes));
                for (int const child: phase.back().carried) {
                    out.carried[child] = 1;
                }
            }
        }
        return out;
    }

  private:
    // The connected parts of the nodes with subtrees of at most (else: more than) `limit` nodes, in
    // NEURON's order, the largest first.
    std::vector<Nodes> pieces(int limit, bool small) const {
        std::vector<Nodes> out;
        Nodes part(tree_.parent.size(), -1);
        for (int i = 0; i < tree_.n_node(); ++i) {
            if ((size_[i] <= limit) != small) {
                continue;
            }
            int const p = tree_.parent[i];
            if (p >= 0 && part[p] >= 0) {
                part[i] = part[p];
            } else {
                part[i] = (int)out.size();
                out.emplace_back();
            }
            out[part[i]].push_back(i);
        }
        std::stable_sort(out.begin(), out.end(),
                         [](Nodes const& x, Nodes const& y) { return x.size() > y.size(); });
        return out;
    }

    // The pieces on warps of about equal numbers of nodes.
    std::vector<Nodes> share(std::vector<Nodes> const& pieces) const {
        std::vector<Nodes> warps(std::min((size_t)n_warp_, pieces.size()));
        for (auto const& piece: pieces) {
            auto const least =
                std::min_element(warps.begin(), warps.end(), [](Nodes const& x, Nodes const& y) {
                    return x.size() < y.size();
                });
            least->insert(least->end(), piece.begin(), piece.end());
        }
        return warps;
    }

    // The fewest rounds and, among some ways to have them, the most carried eliminations.
    DhsSchedule schedule(Nodes const& nodes) {
        Rounds const fewest = scheduler_.rounds(nodes);
        DhsSchedule best = lanes_.place(fewest, scheduler_.n_lane);
        if ((int)nodes.size() <= fewest.size()) {
            return best;
        }
        for (int const margin: {0, 1, 2, 4, 8, 16}) {
            Rounds const other = scheduler_.rounds(nodes, fewest.size(), margin);
            if (other.node.size() < nodes.size()) {
                continue; // it missed the limit
            }
            DhsSchedule placed = lanes_.place(other, scheduler_.n_lane);
            if (placed.carried.size() > best.carried.size()) {
                best = std::move(placed);
            }
        }
        return best;
    }

    Forest const& tree_;
    int const n_warp_;
    Scheduler scheduler_;
    Lanes lanes_;
    Nodes size_; // of the subtree below a node, with it
};

// Three words each (the first one is nobody's), each node's, and how many places they use.
struct BranchPoints {
    std::vector<unsigned> words = {0, 0, 0};
    std::vector<unsigned> of_node;
    int n_sum = 0;

    BranchPoints(Forest const& tree, std::vector<int> const& slot, std::vector<char> const& carried)
        : of_node(tree.parent.size(), 0), first_(tree.parent.size()),
          sum_(tree.parent.size(), kNowhere) {
        for (int i = 0; i < tree.n_node(); ++i) {
            first_[i] = n_sum;
            for (int const c: tree.children(i)) {
                if (!carried[c]) {
                    sum_[c] = n_sum++;
                }
            }
        }
        for (int i = 0; i < tree.n_node(); ++i) {
            if (tree.parent[i] < 0) { // nobody reads these; one each, or lanes would race for it
                sum_[i] = n_sum++;
            }
        }
        if (n_sum > kMaxSum) {
            throw std::invalid_argument("dhs: " + std::to_string(n_sum) +
                                        " branches in a block, at most " + std::to_string(kMaxSum));
        }
        for (int i = 0; i < tree.n_node(); ++i) {
            add(i, tree, slot, carried);
        }
    }

  private:
    void add(int i, Forest const& tree, std::vector<int> const& slot,
             std::vector<char> const& carried) {
        auto const children = tree.children(i);
        auto const* in_lane =
            std::find_if(children.begin(), children.end(), [&](int c) { return carried[c] != 0; });
        int const n_carried = in_lane == children.end() ? 0 : 1;
        if (carried[i] && children.size() == n_carried) {
            return;
        }
        unsigned const before = (unsigned)(in_lane - children.begin());
        unsigned const after = (unsigned)(children.size() - n_carried) - before;
        int const p = tree.parent[i];
        of_node[i] = (unsigned)(words.size() / 3);
        words.push_back(first_[i] | sum_[i] << 16);
        words.push_back(before | after << 16);
        words.push_back((unsigned)(p < 0 ? -1 : carried[i] ? -2 : slot[p]));
    }

    std::vector<unsigned> first_, sum_;
};

} // namespace

int DhsLayout::rounds() const {
    int sum = 0;
    for (auto const& warps: phases) {
        int longest = 0;
        for (auto const& schedule: warps) {
            longest = std::max(longest, n_round(schedule));
        }
        sum += longest;
    }
    return sum;
}

DhsLayout dhs_layout(Forest const& tree, int n_thread) {
    if (n_thread < 1) {
        throw std::invalid_argument("dhs: " + std::to_string(n_thread) + " threads");
    }
    Builder builder(tree, n_thread);
    DhsLayout best = builder.layout(tree.n_node());
    if (n_thread < 2 * kLanes) {
        return best;
    }
    int const n_level = tree.n_level();
    for (int limit = tree.n_node() / 2; limit >= 16 && best.rounds() > 1.1 * n_level; limit /= 2) {
        DhsLayout other = builder.layout(limit);
        if (other.rounds() < 0.9 * best.rounds()) {
            best = std::move(other);
        }
    }
    return best;
}

DhsTable dhs_table(Forest const& tree, std::vector<int> const& slot, int n_thread) {
    if (!slot.empty() && *std::max_element(slot.begin(), slot.end()) > kMaxSlot) {
        throw std::invalid_argument("dhs: at most " + std::to_string(kMaxSlot + 1) +
                                    " nodes in a block");
    }
    DhsLayout const plan = dhs_layout(tree, n_thread);
    BranchPoints const points(tree, slot, plan.carried);
    size_t n_warp = 0;
    for (auto const& warps: plan.phases) {
        n_warp = std::max(n_warp, warps.size());
    }
    DhsTable table{
        {(unsigned)plan.phases.size(), (unsigned)n_warp, 0}, 2L * points.n_sum, plan.rounds()};
    auto& words = table.words;
    size_t const n_header = 3 + 2 * plan.phases.size() * n_warp;
    std::vector<unsigned> body;
    static DhsSchedule const nothing;
    for (auto const& warps: plan.phases) {
        for (size_t w = 0; w < n_warp; ++w) {
            auto const& schedule = w < warps.size() ? warps[w] : nothing;
            int const n_round = plan.n_round(schedule);
            words.push_back((unsigned)(n_header + body.size() + kAhead * kLanes));
            words.push_back((unsigned)n_round);
            size_t const first = body.size() + kAhead * kLanes;
            body.resize(first + ((size_t)n_round + kAhead) * kLanes, kIdle);
            for (size_t k = 0; k < schedule.lane.size(); ++k) {
                if (int const i = schedule.lane[k]; i >= 0) {
                    size_t const r = k / plan.n_lane, lane = k % plan.n_lane;
                    body[first + r * kLanes + lane] = (unsigned)slot[i] | points.of_node[i] << 16;
                }
            }
        }
    }
    words[2] = (unsigned)(n_header + body.size());
    words.insert(words.end(), body.begin(), body.end());
    words.insert(words.end(), points.words.begin(), points.words.end());
    return table;
}

} // namespace heliox::solvers
