// class Tree: the cells of a thread, their shapes, blocks and the choice of kernels.
//
// The kernels themselves are in tree.cpp, compiled once per instruction set; its opening comment
// has the compile lines. This file is compiled once.
#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "branch_schedule.hpp"
#include "tree.hpp"
#include "tree_plan.hpp"

namespace heliox {

#if defined(__x86_64__)
namespace v2 {
extern TreeKernels const tree_kernels;
}
namespace v3 {
extern TreeKernels const tree_kernels;
}
namespace v4 {
extern TreeKernels const tree_kernels;
}
#else
namespace generic {
extern TreeKernels const tree_kernels;
}
#endif

namespace {

TreeKernels const& choose_kernels(char const* isa) {
#if defined(__x86_64__)
    bool const avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi2");
    bool const avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd");
    std::string const wanted = isa ? isa : avx512 ? "v4" : avx2 ? "v3" : "v2";
    if (wanted == "v4" && avx512) return v4::tree_kernels;
    if (wanted == "v3" && avx2) return v3::tree_kernels;
    if (wanted == "v2") return v2::tree_kernels;
    throw std::invalid_argument("Tree: this machine has no x86-64-" + wanted);
#else
    (void)isa;
    return generic::tree_kernels;
#endif
}

// Larger steps do not stay in the last level of cache a core can count on.
constexpr std::size_t near_bytes = 6u << 20;

// Owns the arrays of a CellShape.
struct ShapeData {
    std::vector<int> parent, jump, jump_parent, kid_first, kid;
    std::vector<RowTile> tile;
    BranchScheduleData branch;
};

// The cells are of one shape if these are equal: parents relative to the cell, and which rows have
// capacitance.
struct ShapeKey {
    std::vector<int> parent;
    std::vector<char> cap;
    bool operator<(ShapeKey const& o) const {
        return parent != o.parent ? parent < o.parent : cap < o.cap;
    }
};

void find_jumps(ShapeData& s) {
    int const n = int(s.parent.size());
    std::vector<std::vector<int>> kids(n);
    for (int r = 1; r < n; ++r) {
        // row 1 follows the root in the cell, not in memory
        if (r > 1 && s.parent[r] == r - 1) continue;
        kids[s.parent[r]].push_back(int(s.jump.size()));
        s.jump.push_back(r);
        s.jump_parent.push_back(s.parent[r]);
    }
    s.kid_first.push_back(0);
    for (auto const& k: kids) {
        s.kid.insert(s.kid.end(), k.begin(), k.end());
        s.kid_first.push_back(int(s.kid.size()));
    }
}

void cut_tiles(ShapeData& s, std::vector<char> const& cap, int lanes) {
    int const n = int(s.parent.size());
    int n_cap = 0, jump = 0;
    for (int base = 1; base < n; base += lanes) {
        RowTile tile{};
        tile.cap_first = n_cap;
        tile.jump_first = jump;
        for (int lane = 0; lane < lanes && base + lane < n; ++lane) {
            int const r = base + lane;
            tile.rows |= 1u << lane;
            if (cap[r]) tile.cap |= 1u << lane, ++n_cap;
            if (r + 1 < n && s.parent[r + 1] == r) tile.chain |= 1u << lane;
            if (jump < int(s.jump.size()) && s.jump[jump] == r) ++jump;
        }
        tile.jump_end = jump;
        s.tile.push_back(tile);
    }
}

// Doubles of scratch a group of cells of this shape needs, for any method.
std::size_t scratch_doubles(CellShape const& s, int lanes) {
    std::size_t const w = lanes, by_lane = w * (3 * (s.n_row + w) + 4 * (s.n_jump + 1));
    std::size_t const by_branch = 5 * (s.n_row + 2 * w) + 6 * w * (s.branch.n_round + 1);
    return by_lane > by_branch ? by_lane : by_branch;
}

CellShape view_of(ShapeData const& s, std::vector<char> const& cap) {
    CellShape shape{};
    shape.n_row = int(s.parent.size());
    shape.n_tile = int(s.tile.size());
    shape.n_jump = int(s.jump.size());
    shape.n_cap = int(std::count(cap.begin() + 1, cap.end(), char(1)));
    shape.root_cap = cap[0];
    shape.parent = s.parent.data();
    shape.tile = s.tile.data();
    shape.jump = s.jump.data();
    shape.jump_parent = s.jump_parent.data();
    shape.kid_first = s.kid_first.data();
    shape.kid = s.kid.data();
    shape.branch = s.branch.view();
    return shape;
}

} // namespace

struct TreePlan {
    TreePlan(int ncell, int n_node, int const* parent, int n_cap, int const* cap_node,
             char const* isa);
    bool find_cells(int const* parent);
    void find_shapes(int const* parent);
    void choose_blocks(std::size_t target, std::size_t bytes_per_node, int min_blocks);
    void add_block(int cell_begin, int cell_end);
    void add_groups(int begin, int end);
    int method_of(CellShape const& shape, int n) const;
    TreeView view() const;

    TreeKernels const& kernels;
    int const ncell, n_node;
    std::size_t total_bytes = 0; // of a step, all mechanisms
    bool regular = true;
    std::vector<int> cap_node;
    std::vector<int> first; // [ncell + 1] first row of each cell that is no root
    std::vector<CellPlace> cell;
    std::vector<std::unique_ptr<ShapeData>> shape_data;
    std::vector<CellShape> shape;
    std::vector<int> order;
    std::vector<TreeBlock> block;
    std::vector<CellGroup> group;
};

TreePlan::TreePlan(int ncell_, int n_node_, int const* parent, int n_cap, int const* caps,
                   char const* isa)
    : kernels(choose_kernels(isa)), ncell(ncell_), n_node(n_node_), cap_node(caps, caps + n_cap) {
    if (ncell < 0 || n_node < ncell) throw std::invalid_argument("Tree: n_node < ncell");
    for (int i = ncell; i < n_node; ++i) {
        if (parent[i] < 0 || parent[i] >= i) {
            throw std::invalid_argument("Tree: the parent of row " + std::to_string(i) +
                                        " is row " + std::to_string(parent[i]));
        }
    }
    std::vector<char> seen(n_node, 0);
    for (int node: cap_node) {
        if (node < 0 || node >= n_node || seen[node]) {
            throw std::invalid_argument("Tree: capacitance twice or outside, row " +
                                        std::to_string(node));
        }
        seen[node] = 1;
    }
    regular = find_cells(parent) && std::is_sorted(cap_node.begin(), cap_node.end());
    if (regular) find_shapes(parent);
    choose_blocks(~std::size_t(0), 6 * sizeof(double), 1);
}

// Fills `first`; false if a cell's rows are not contiguous or the cells not in the roots' order.
bool TreePlan::find_cells(int const* parent) {
    std::vector<int> owner(n_node);
    for (int i = 0; i < n_node; ++i) owner[i] = i < ncell ? i : owner[parent[i]];
    first.assign(ncell + 1, n_node);
    for (int i = n_node - 1; i >= ncell; --i) {
        if (i + 1 < n_node && owner[i] > owner[i + 1]) return false;
        first[owner[i]] = i;
    }
    for (int c = ncell - 1; c >= 0; --c) first[c] = std::min(first[c], first[c + 1]);
    return true;
}

void TreePlan::find_shapes(int const* parent) {
    std::map<ShapeKey, int> known;
    auto instance = [&](int row) {
        return int(std::lower_bound(cap_node.begin(), cap_node.end(), row) - cap_node.begin());
    };
    auto has_cap = [&](int row) {
        int const k = instance(row);
        return char(k < int(cap_node.size()) && cap_node[k] == row);
    };
    for (int c = 0; c < ncell; ++c) {
        ShapeKey key{{-1}, {has_cap(c)}};
        for (int i = first[c]; i < first[c + 1]; ++i) {
            key.parent.push_back(parent[i] < ncell ? 0 : parent[i] - first[c] + 1);
            key.cap.push_back(has_cap(i));
        }
        auto const found = known.emplace(key, int(shape.size()));
        if (found.second) {
            auto s = std::make_unique<ShapeData>();
            s->parent = key.parent;
            find_jumps(*s);
            cut_tiles(*s, key.cap, kernels.lanes);
            s->branch = make_branch_schedule(s->parent, kernels.lanes);
            shape.push_back(view_of(*s, key.cap));
            shape_data.push_back(std::move(s));
        }
        cell.push_back({found.first->second, c, first[c], instance(c), instance(first[c])});
    }
}

void TreePlan::choose_blocks(std::size_t target, std::size_t bytes_per_node, int min_blocks) {
    block.clear();
    group.clear();
    order.clear();
    total_bytes = std::size_t(n_node) * bytes_per_node;
    if (!regular || ncell == 0) {
        int const roots = int(std::count_if(cap_node.begin(), cap_node.end(),
                                            [&](int node) { return node < ncell; }));
        int const n_cap = int(cap_node.size());
        block.push_back({{0, ncell}, {ncell, n_node}, {0, roots}, {roots, n_cap}, 0, 0});
        return;
    }
    auto rows_before = [&](int c) { return std::size_t(c) + first[c] - ncell; };
    std::size_t const one = 1;
    std::size_t const per_block = std::max(one, target / std::max(one, bytes_per_node));
    std::size_t n = (std::size_t(n_node) + per_block - 1) / per_block;
    n = std::min(std::max({n, one, std::size_t(std::max(1, min_blocks))}), std::size_t(ncell));
    bool const many = std::size_t(ncell) / n >= std::size_t(4 * kernels.lanes);
    int begin = 0;
    for (std::size_t k = 1; k <= n; ++k) {
        int end = ncell;
        if (k < n) {
            std::size_t const share = std::size_t(double(n_node) * double(k) / double(n));
            end = begin + 1;
            while (end < ncell && rows_before(end) < share) ++end;
            // whole vectors of cells, where that does not unbalance the blocks
            if (many) end = std::max(begin + 1, end / kernels.lanes * kernels.lanes);
            end = std::min<int>(end, ncell - int(n - k));
        }
        add_block(begin, end);
        begin = end;
    }
}

void TreePlan::add_block(int begin, int end) {
    auto instance = [&](int row) {
        return int(std::lower_bound(cap_node.begin(), cap_node.end(), row) - cap_node.begin());
    };
    TreeBlock b{};
    b.roots = {begin, end};
    b.rows = {first[begin], first[end]};
    b.cap_roots = {instance(begin), instance(end)};
    b.caps = {instance(first[begin]), instance(first[end])};
    b.group_begin = int(group.size());
    for (int c = begin; c < end; ++c) order.push_back(c);
    std::stable_sort(order.begin() + begin, order.begin() + end,
                     [&](int x, int y) { return cell[x].shape < cell[y].shape; });
    for (int k = begin; k < end;) {
        int next = k;
        while (next < end && cell[order[next]].shape == cell[order[k]].shape) ++next;
        add_groups(k, next);
        k = next;
    }
    b.group_end = int(group.size());
    block.push_back(b);
}

// Groups for cells of equal shape at order[begin, end).
void TreePlan::add_groups(int begin, int end) {
    CellShape const& s = shape[cell[order[begin]].shape];
    if (s.n_row == 1) { // points: consecutive roots are one loop
        for (int k = begin; k < end;) {
            int next = k + 1;
            while (next < end && order[next] == order[next - 1] + 1) ++next;
            group.push_back({k, next - k, tree_points});
            k = next;
        }
        return;
    }
    for (int k = begin; k < end;) {
        int const n = std::min(kernels.lanes, end - k);
        int const method = method_of(s, n);
        int const step = method == tree_lanes ? n : 1;
        group.push_back({k, step, method});
        k += step;
    }
}

// Measured on one Zen 4 core, ns per node: lanes 3 and branches 4 while the data are in L2 or L3,
// lanes 11 and branches 5 where they come from memory (eight cells are too many streams); idle
// lanes cost as much as used ones; below a vector of rows neither pays.
int TreePlan::method_of(CellShape const& s, int n) const {
    if (kernels.lanes == 1 || s.n_row < 8) return tree_rows;
    bool const branches = s.n_row >= 32;
    if (branches && total_bytes > near_bytes) return tree_branches;
    if (3 * n >= 2 * kernels.lanes) return tree_lanes;
    return branches ? tree_branches : tree_rows;
}

TreeView TreePlan::view() const {
    return {ncell,        n_node,       kernels.lanes, shape.data(), cell.data(),
            order.data(), block.data(), group.data(),  regular};
}

Tree::Tree(int ncell, int n_node, int const* parent, int n_cap, int const* cap_node,
           char const* isa)
    : plan_(new TreePlan(ncell, n_node, parent, n_cap, cap_node, isa)) {}
Tree::~Tree() = default;
Tree::Tree(Tree&&) noexcept = default;
Tree& Tree::operator=(Tree&&) noexcept = default;

void Tree::choose_blocks(std::size_t target, std::size_t bytes_per_node, int min_blocks) {
    plan_->choose_blocks(target, bytes_per_node, min_blocks);
}
bool Tree::regular() const { return plan_->regular; }
int Tree::n_block() const { return int(plan_->block.size()); }
RowRange Tree::root_rows(int block) const { return plan_->block[block].roots; }
RowRange Tree::rows(int block) const { return plan_->block[block].rows; }
RowRange Tree::root_capacitance(int block) const { return plan_->block[block].cap_roots; }
RowRange Tree::capacitance(int block) const { return plan_->block[block].caps; }
char const* Tree::isa() const { return plan_->kernels.isa; }

std::size_t Tree::scratch_bytes() const {
    std::size_t most = 0;
    for (CellShape const& s: plan_->shape) {
        most = std::max(most, scratch_doubles(s, plan_->kernels.lanes));
    }
    return (most + 8) * sizeof(double);
}

bool Tree::solve(int block, NodeColumns const& node, Capacitance const& cap, TreeStep const& step,
                 void* scratch) const {
    return plan_->kernels.solve(plan_->view(), block, node, cap, step,
                                static_cast<double*>(scratch));
}

std::string Tree::describe() const {
    std::size_t n[4] = {};
    for (CellGroup const& g: plan_->group) n[g.method] += g.n;
    return std::to_string(plan_->ncell) + " cells of " + std::to_string(plan_->shape.size()) +
           " shapes in " + std::to_string(plan_->block.size()) + " blocks, x86-64-" + isa() +
           (plan_->regular ? "" : ", irregular rows") + "; cells solved in lanes " +
           std::to_string(n[tree_lanes]) + ", by branches " + std::to_string(n[tree_branches]) +
           ", row by row " + std::to_string(n[tree_rows]) + ", points " +
           std::to_string(n[tree_points]);
}

} // namespace heliox
