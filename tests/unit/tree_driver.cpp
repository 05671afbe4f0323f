// Drives heliox::Tree without NEURON, for test_tree.py.
//
//   tree_driver check ISA [SEED]     random forests, every flag, == against NEURON's literal loops
//   tree_driver solve ISA < case     one case from the test, results printed as hexadecimal floats
//   tree_driver time ISA TOPOLOGY N  ns per node of N copies of the cell in the file TOPOLOGY:
//                                    number of rows, parents (-1 for the root), 0 or 1 for cap
//
// ISA: v2, v3, v4, or best.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tree.hpp"

using namespace heliox;

namespace {

// One cell: parents relative to the cell, parent[0] = -1, and which rows have capacitance.
struct Cell {
    std::vector<int> parent;
    std::vector<char> cap;
};

// A thread's columns.
struct Thread {
    int ncell = 0, n_node = 0;
    std::vector<int> parent, cap_node;
    std::vector<double> a, b, area, v, rhs, d, sav_rhs, sav_d, cm, i_cap;

    NodeColumns columns() {
        return {ncell,    n_node,     parent.data(), a.data(),       b.data(),    area.data(),
                v.data(), rhs.data(), d.data(),      sav_rhs.data(), sav_d.data()};
    }
    Capacitance capacitance() {
        return {int(cap_node.size()), cap_node.data(), cm.data(), i_cap.data()};
    }
};

void fill_columns(Thread& t, std::mt19937_64& random) {
    std::uniform_real_distribution<double> unit(0., 1.);
    auto column = [&](std::vector<double>& x, std::size_t n, double low, double high) {
        x.resize(n);
        for (double& y: x) y = low + (high - low) * unit(random);
    };
    column(t.a, t.n_node, -3., -1e-3);
    column(t.b, t.n_node, -3., -1e-3);
    column(t.area, t.n_node, 1., 100.);
    column(t.v, t.n_node, -90., 40.);
    column(t.rhs, t.n_node, -1., 1.);
    column(t.d, t.n_node, 0., .5);
    column(t.sav_rhs, t.n_node, -1., 1.);
    column(t.sav_d, t.n_node, 0., .1);
    column(t.cm, t.cap_node.size(), .5, 2.);
    t.i_cap.assign(t.cap_node.size(), 0.);
}

Thread make_thread(std::vector<Cell> const& cells, std::mt19937_64& random) {
    Thread t;
    t.ncell = int(cells.size());
    t.parent.assign(t.ncell, -1);
    for (int c = 0; c < t.ncell; ++c) {
        if (cells[c].cap[0]) t.cap_node.push_back(c);
    }
    for (int c = 0; c < t.ncell; ++c) {
        int const first = int(t.parent.size());
        for (std::size_t r = 1; r < cells[c].parent.size(); ++r) {
            int const p = cells[c].parent[r];
            if (cells[c].cap[r]) t.cap_node.push_back(int(t.parent.size()));
            t.parent.push_back(p ? first + p - 1 : c);
        }
    }
    t.n_node = int(t.parent.size());
    fill_columns(t, random);
    return t;
}

// NEURON's order, one operation a statement. Hines (1984).
void reference(Thread& t, TreeStep const& step) {
    double const cfac = .001 * step.cj;
    int const n = t.n_node;
    if (step.fast_imem) {
        for (int i = 0; i < n; ++i) t.sav_rhs[i] -= t.rhs[i];
    }
    for (int i = t.ncell; i < n; ++i) {
        double const dv = t.v[t.parent[i]] - t.v[i];
        t.rhs[i] -= t.b[i] * dv;
        t.rhs[t.parent[i]] += t.a[i] * dv;
    }
    for (std::size_t k = 0; k < t.cap_node.size(); ++k) t.d[t.cap_node[k]] += cfac * t.cm[k];
    if (step.fast_imem) {
        for (int i = 0; i < n; ++i) t.sav_d[i] = t.d[i] - t.sav_d[i];
    }
    for (int i = t.ncell; i < n; ++i) {
        t.d[i] -= t.b[i];
        t.d[t.parent[i]] -= t.a[i];
    }
    for (int i = n - 1; i >= t.ncell; --i) {
        double const p = t.a[i] / t.d[i];
        t.d[t.parent[i]] -= p * t.b[i];
        t.rhs[t.parent[i]] -= p * t.rhs[i];
    }
    for (int i = 0; i < t.ncell; ++i) t.rhs[i] /= t.d[i];
    for (int i = t.ncell; i < n; ++i) {
        t.rhs[i] -= t.b[i] * t.rhs[t.parent[i]];
        t.rhs[i] /= t.d[i];
    }
    for (int i = 0; i < n; ++i) t.v[i] += step.secondorder ? 2. * t.rhs[i] : t.rhs[i];
    for (std::size_t k = 0; k < t.cap_node.size(); ++k) {
        t.i_cap[k] = cfac * t.cm[k] * t.rhs[t.cap_node[k]];
    }
    if (!step.fast_imem) return;
    for (int i = 0; i < n; ++i) {
        t.sav_rhs[i] = (t.sav_d[i] * t.rhs[i] + t.sav_rhs[i]) * t.area[i] * 0.01;
    }
}

struct Aligned {
    void* p;
    explicit Aligned(std::size_t n) : p(std::aligned_alloc(64, (n + 63) / 64 * 64)) {
        std::memset(p, 0xff, (n + 63) / 64 * 64); // NaN: nothing may depend on what was there
    }
    ~Aligned() { std::free(p); }
};

bool solve_all(Tree const& tree, Thread& t, TreeStep const& step) {
    Aligned scratch(tree.scratch_bytes());
    bool nan = false;
    for (int block = 0; block < tree.n_block(); ++block) {
        nan |= tree.solve(block, t.columns(), t.capacitance(), step, scratch.p);
    }
    return nan;
}

char const* isa_of(char const* name) { return std::strcmp(name, "best") ? name : nullptr; }

// ---- check --------------------------------------------------------------------------------------

Cell random_cell(std::mt19937_64& random, int kind, int n) {
    Cell c;
    auto below = [&](int k) { return int(random() % unsigned(k)); };
    for (int r = 0; r < n; ++r) {
        int p = r - 1;
        if (r > 1 && kind == 0 && below(6) == 0) p = below(r);         // branching chains
        if (r > 1 && kind == 1) p = below(r);                          // any tree
        if (r > 1 && kind == 2) p = 0;                                 // star
        if (r > 1 && kind == 3 && r % 5 == 1) p = (r / 5 - 1) / 2 * 5; // sections of 5
        c.parent.push_back(std::max(r ? 0 : -1, p));
        c.cap.push_back(kind == 4 ? 0 : below(5) != 0);
    }
    return c;
}

std::vector<Cell> random_forest(std::mt19937_64& random) {
    auto below = [&](int k) { return int(random() % unsigned(k)); };
    std::vector<Cell> cells;
    int const ncell = 1 + below(20), shapes = 1 + below(4), most = below(3) ? 40 : 300;
    std::vector<Cell> pool;
    bool const points = below(6) == 0; // ncell == n_node
    for (int i = 0; i < shapes; ++i) {
        pool.push_back(
            random_cell(random, below(6), points || below(8) == 0 ? 1 : 1 + below(most)));
    }
    bool const sorted = below(2);
    for (int i = 0; i < ncell; ++i)
        cells.push_back(pool[sorted ? i * shapes / ncell : below(shapes)]);
    return cells;
}

// Number of differing values; prints the first.
int differences(char const* what, std::vector<double> const& x, std::vector<double> const& y) {
    int n = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        bool const equal = std::memcmp(&x[i], &y[i], sizeof(double)) == 0 ||
                           (std::isnan(x[i]) && std::isnan(y[i]));
        if (!equal && !n++) std::printf("%s[%zu] %.17g, not %.17g\n", what, i, x[i], y[i]);
    }
    return n;
}

// Rows outside their cells' ranges: the plain path.
void shuffle_rows(Thread& t, std::mt19937_64& random) {
    if (t.ncell < 2) return;
    for (int i = t.ncell; i < t.n_node; ++i) t.parent[i] = int(random() % unsigned(i));
}

int check_one(std::mt19937_64& random, char const* isa, TreeStep const& step, bool with_nan) {
    Thread start = make_thread(random_forest(random), random);
    if (random() % 10 == 0) shuffle_rows(start, random);
    if (with_nan) start.rhs[random() % unsigned(start.n_node)] = NAN;
    Tree tree(start.ncell, start.n_node, start.parent.data(), int(start.cap_node.size()),
              start.cap_node.data(), isa);
    // few or many bytes a node, so that cells large enough come to all methods
    std::size_t const bytes = random() % 2 ? 64 : 1 << 20;
    tree.choose_blocks(random() % 2 ? std::size_t(-1) : 64 * bytes, bytes, 1 + int(random() % 3));
    RowRange covered{0, start.ncell};
    for (int k = 0; k < tree.n_block(); ++k) {
        if (tree.root_rows(k).begin != covered.begin || tree.rows(k).begin != covered.end) return 1;
        covered = {tree.root_rows(k).end, tree.rows(k).end};
    }
    if (covered.begin != start.ncell || covered.end != start.n_node) return 1;
    Thread expected = start, got = start;
    reference(expected, step);
    bool const nan = solve_all(tree, got, step);
    int bad = differences("v", got.v, expected.v);
    if (!step.lean || step.keep_rhs) bad += differences("rhs", got.rhs, expected.rhs);
    if (!step.lean) bad += differences("d", got.d, expected.d);
    if (!step.lean) bad += differences("i_cap", got.i_cap, expected.i_cap);
    if (step.fast_imem) bad += differences("sav_rhs", got.sav_rhs, expected.sav_rhs);
    bool const expected_nan =
        std::any_of(expected.v.begin(), expected.v.end(), [](double v) { return std::isnan(v); });
    if (nan != expected_nan) ++bad, std::puts("NaN check is wrong");
    if (bad) std::printf("%s, n_node %d\n", tree.describe().c_str(), start.n_node);
    return bad;
}

int check(char const* isa, unsigned long seed) {
    std::mt19937_64 random(seed);
    int bad = 0, n = 0;
    for (int repeat = 0; repeat < 60; ++repeat) {
        for (int flags = 0; flags < 32; ++flags, ++n) {
            TreeStep const step{40. + flags, flags & 1 ? 2 : 0, bool(flags & 2), bool(flags & 4),
                                bool(flags & 8)};
            bad += check_one(random, isa, step, flags & 16 && repeat % 2) != 0;
            if (bad > 5) return 1;
        }
    }
    std::printf("%d cases, %d wrong\n", n, bad);
    return bad != 0;
}

// ---- solve --------------------------------------------------------------------------------------

template <class T>
void read(std::vector<T>& x, int n, char const* format) {
    x.resize(n);
    for (T& y: x) {
        if (std::scanf(format, &y) != 1) throw std::runtime_error("the case is too short");
    }
}

// stdin: ncell n_node n_cap n_block cj secondorder fast_imem, parent, cap_node, then the columns.
int solve(char const* isa) {
    Thread t;
    int n_cap, n_block, secondorder, fast_imem;
    double cj;
    if (std::scanf("%d %d %d %d %lf %d %d", &t.ncell, &t.n_node, &n_cap, &n_block, &cj,
                   &secondorder, &fast_imem) != 7) {
        return 2;
    }
    read(t.parent, t.n_node, "%d");
    read(t.cap_node, n_cap, "%d");
    for (auto* x: {&t.a, &t.b, &t.area, &t.v, &t.rhs, &t.d, &t.sav_rhs, &t.sav_d}) {
        read(*x, t.n_node, "%lf");
    }
    read(t.cm, n_cap, "%lf");
    t.i_cap.assign(n_cap, 0.);
    Tree tree(t.ncell, t.n_node, t.parent.data(), n_cap, t.cap_node.data(), isa);
    tree.choose_blocks(~std::size_t(0), 1, n_block);
    solve_all(tree, t, {cj, secondorder, bool(fast_imem), false, true});
    for (auto* x: {&t.v, &t.rhs, &t.d, &t.sav_rhs, &t.i_cap}) {
        for (double y: *x) std::printf("%a ", y);
        std::puts("");
    }
    return 0;
}

// ---- time ---------------------------------------------------------------------------------------

int time_copies(char const* isa, char const* path, int n, int n_block, bool lean) {
    std::ifstream in(path);
    int n_row;
    in >> n_row;
    Cell cell;
    cell.parent.resize(n_row);
    cell.cap.resize(n_row);
    for (int& p: cell.parent) in >> p;
    for (char& c: cell.cap) in >> c, c -= '0';
    std::mt19937_64 random(1);
    Thread t = make_thread(std::vector<Cell>(n, cell), random);
    Tree tree(t.ncell, t.n_node, t.parent.data(), int(t.cap_node.size()), t.cap_node.data(), isa);
    tree.choose_blocks(std::size_t(1) << 40, 48, n_block);
    TreeStep const step{40., 0, false, lean, false};
    auto const columns = t.columns();
    auto const cap = t.capacitance();
    Aligned scratch(tree.scratch_bytes());
    std::vector<double> const rhs0 = t.rhs, d0 = t.d;
    // rhs and d are set anew as the mechanisms would; that is timed apart and taken off
    double best[2] = {1e30, 1e30};
    int const steps = std::max(3, 400000 / t.n_node);
    for (int repeat = 0; repeat < 10; ++repeat) {
        for (int mode = 0; mode < 2; ++mode) {
            auto const begin = std::chrono::steady_clock::now();
            for (int k = 0; k < steps; ++k) {
                for (int block = 0; block < tree.n_block(); ++block) {
                    for (RowRange r: {tree.root_rows(block), tree.rows(block)}) {
                        std::memcpy(&t.rhs[r.begin], &rhs0[r.begin], r.size() * sizeof(double));
                        std::memcpy(&t.d[r.begin], &d0[r.begin], r.size() * sizeof(double));
                    }
                    if (mode) tree.solve(block, columns, cap, step, scratch.p);
                }
            }
            std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
            best[mode] = std::min(best[mode], took.count() / steps / t.n_node * 1e9);
        }
    }
    std::printf("%s: %.2f ns per node (%.2f with the copies)\n", tree.describe().c_str(),
                best[1] - best[0], best[1]);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    std::string const mode = argc > 2 ? argv[1] : "";
    try {
        if (mode == "check") return check(isa_of(argv[2]), argc > 3 ? std::atol(argv[3]) : 1);
        if (mode == "solve") return solve(isa_of(argv[2]));
        if (mode == "time" && argc > 4) {
            return time_copies(isa_of(argv[2]), argv[3], std::atoi(argv[4]),
                               argc > 5 ? std::atoi(argv[5]) : 1,
                               argc > 6 ? std::atoi(argv[6]) : 1);
        }
    } catch (std::invalid_argument const& e) {
        std::printf("invalid: %s\n", e.what());
        return 3;
    }
    std::puts("usage: tree_driver check|solve|time ISA ...");
    return 2;
}
