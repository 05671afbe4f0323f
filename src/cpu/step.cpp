#include "step.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "ion.hpp"
#include "pool.hpp"

namespace heliox {
namespace {

// Per-thread working memory: slot arrays of one block and the tree solver's scratch.
struct Scratch {
    std::vector<double> slots;
    std::vector<unsigned char> tree;

    double* slot_array(int which, int max_slot) {
        size_t const stride = (size_t)max_slot + 8; // whole vectors may be read past the end
        if (slots.size() < 5 * stride) {
            slots.assign(5 * stride, 0.0);
        }
        return slots.data() + which * stride;
    }
    void* tree_scratch(size_t bytes) {
        if (tree.size() < bytes + 64) {
            tree.resize(bytes + 64);
        }
        auto const address = reinterpret_cast<uintptr_t>(tree.data());
        return reinterpret_cast<void*>((address + 63) & ~uintptr_t(63));
    }
};

Scratch& scratch() {
    static thread_local Scratch memory;
    return memory;
}

// Where the kernels of one block find v, rhs, d: NEURON's node columns, or the block's slots.
struct Arrays {
    double const* v;
    double const* area;
    double *rhs, *d, *sav_rhs, *sav_d;
};

Arrays node_arrays(ThreadImage const& thread, bool fast_imem) {
    NodeColumns const& node = thread.node;
    return {node.v,
            node.area,
            node.rhs,
            node.d,
            fast_imem ? node.sav_rhs : nullptr,
            fast_imem ? node.sav_d : nullptr};
}

hx_args make_args(MechanismImage const& mechanism, Arrays const& arrays, StepInput const& input,
                  std::vector<IonImage> const& ions) {
    hx_args args = mechanism.args;
    args.t = input.t;
    args.dt = input.dt;
    args.celsius = input.celsius;
    args.v = arrays.v;
    args.area = arrays.area;
    args.rhs = arrays.rhs;
    args.d = arrays.d;
    args.sav_rhs = arrays.sav_rhs;
    args.sav_d = arrays.sav_d;
    args.flags = 0;
    args.lean_ion = 0;
    if (input.lean && mechanism.lean) {
        args.flags = HX_LEAN;
        for (size_t k = 0; k < mechanism.ion_image.size(); ++k) {
            args.lean_ion |= ions[mechanism.ion_image[k]].lean ? 1u << k : 0u;
        }
    }
    return args;
}

void run_ranges(MechanismImage const& mechanism, hx_hook hook, hx_args& args, int first, int last) {
    unsigned const flags = args.flags;
    for (int r = first; r < last; ++r) {
        args.flags = flags | (mechanism.ranges[r].end == mechanism.last_instance ? HX_LAST : 0u);
        hook(&args, &mechanism.ranges[r]);
    }
}

void run_block(MechanismImage const& mechanism, hx_hook hook, hx_args args, int block) {
    run_ranges(mechanism, hook, args, mechanism.range_first[block],
               mechanism.range_first[block + 1]);
}

void ion_block(IonImage const& ion, StepInput const& input, int block) {
    if (!(input.lean && ion.lean)) {
        for (int part = 2 * block; part < 2 * block + 2; ++part) {
            int const n = ion.last[part] - ion.first[part];
            if (n > 0) {
                std::memset(ion.column[HX_ION_CUR] + ion.first[part], 0, n * sizeof(double));
                std::memset(ion.column[HX_ION_DCURDV] + ion.first[part], 0, n * sizeof(double));
            }
        }
    }
    int const begin = ion.nernst_first[block], end = ion.nernst_first[block + 1];
    if (begin < end) {
        nernst(ion.column[HX_ION_EREV], ion.column[HX_ION_CONCI], ion.column[HX_ION_CONCO],
               ion.nernst.data() + begin, end - begin, ion.charge,
               input.nernst_coefficient(ion.type));
    }
}

void current_stage(ThreadImage& thread, std::vector<int> const& stage, Arrays const& arrays,
                   StepInput const& input, int block) {
    for (int index: stage) {
        MechanismImage const& mechanism = thread.mechanisms[index];
        if (mechanism.ion >= 0) {
            ion_block(thread.ions[mechanism.ion], input, block);
        } else if (mechanism.range_first[block] != mechanism.range_first[block + 1]) {
            run_block(mechanism, mechanism.use->kernel->current,
                      make_args(mechanism, arrays, input, thread.ions), block);
        }
    }
}

void gather_v(ThreadImage const& thread, int b, double* slot_v) {
    int const* const node = thread.slot_node.data() + thread.slot_first[b];
    for (int i = 0; i < thread.blocks[b].n_slot; ++i) {
        slot_v[i] = thread.node.v[node[i]];
    }
}

// rhs and d (and their saved parts) of the block's nodes from its slots; nodes without a slot get zero.
void scatter_slots(ThreadImage const& thread, int b, double const* slot_rhs, double const* slot_d,
                   double* rhs, double* d) {
    Block const& block = thread.blocks[b];
    int const* const slot = thread.node_slot.data();
    auto scatter = [&](int begin, int end) {
        for (int i = begin; i < end; ++i) {
            rhs[i] = slot_rhs[slot[i]];
            d[i] = slot_d[slot[i]];
        }
    };
    scatter(block.root_begin, block.root_end);
    scatter(block.begin, block.end);
}

bool solve_block(ThreadImage& thread, StepInput const& input, int block) {
    TreeStep step{};
    step.cj = input.cj;
    step.secondorder = input.secondorder;
    step.fast_imem = input.fast_imem;
    step.lean = input.lean && thread.lean_capacitance;
    step.keep_rhs = input.keep_rhs;
    Tree const& tree = *thread.tree;
    return tree.solve(block, thread.node, thread.capacitance, step,
                      scratch().tree_scratch(tree.scratch_bytes()));
}

// Everything of one block in one go: its columns stay in cache from the currents to the new voltage.
bool fused_block(ThreadImage& thread, StepInput const& input, int b) {
    Block const& block = thread.blocks[b];
    Scratch& memory = scratch();
    size_t const bytes =
        (block.n_slot + 1) * sizeof(double); // and the zero of nodes without a slot
    double* const v = memory.slot_array(0, thread.max_slot);
    Arrays arrays{};
    arrays.v = v;
    arrays.area = thread.slot_area.data() + thread.slot_first[b];
    arrays.rhs = memory.slot_array(1, thread.max_slot);
    arrays.d = memory.slot_array(2, thread.max_slot);
    gather_v(thread, b, v);
    std::memset(arrays.rhs, 0, bytes);
    std::memset(arrays.d, 0, bytes);
    if (input.fast_imem) {
        arrays.sav_rhs = memory.slot_array(3, thread.max_slot);
        arrays.sav_d = memory.slot_array(4, thread.max_slot);
        std::memset(arrays.sav_rhs, 0, bytes);
        std::memset(arrays.sav_d, 0, bytes);
    }
    for (auto const& stage: thread.current_stages) {
        current_stage(thread, stage, arrays, input, b);
    }
    scatter_slots(thread, b, arrays.rhs, arrays.d, thread.node.rhs, thread.node.d);
    if (input.fast_imem) {
        scatter_slots(thread, b, arrays.sav_rhs, arrays.sav_d, thread.node.sav_rhs,
                      thread.node.sav_d);
    }
    return solve_block(thread, input, b);
}

// Blocks are dealt out in contiguous shares, the same ones each step, so that a core keeps its cells.
template <class Function>
void each_block(int n_block, int n_thread, Function const& function) {
    n_thread = std::min(n_thread, n_block);
    if (n_thread <= 1) {
        for (int b = 0; b < n_block; ++b) {
            function(b);
        }
        return;
    }
    auto share = [&](int worker) {
        if (worker >= n_thread) {
            return;
        }
        int const begin = (int)((long)n_block * worker / n_thread);
        int const end = (int)((long)n_block * (worker + 1) / n_thread);
        for (int b = begin; b < end; ++b) {
            function(b);
        }
    };
    pool(n_thread).each(share);
}

void run_barrier(MechanismImage const& mechanism, hx_hook hook, hx_args args) {
    run_ranges(mechanism, hook, args, 0, (int)mechanism.ranges.size());
}

// Some mechanism needs all cells at once (a host mechanism, a POINTER): passes over node columns.
int staged(ThreadImage& thread, StepInput const& input, int n_thread) {
    NodeColumns const& node = thread.node;
    size_t const bytes = thread.n_node * sizeof(double);
    std::memset(node.rhs, 0, bytes);
    std::memset(node.d, 0, bytes);
    if (input.fast_imem) {
        std::memset(node.sav_rhs, 0, bytes);
        std::memset(node.sav_d, 0, bytes);
    }
    Arrays const arrays = node_arrays(thread, input.fast_imem);
    int const n_block = (int)thread.blocks.size();
    for (auto const& stage: thread.current_stages) {
        MechanismImage const& first = thread.mechanisms[stage[0]];
        if (!first.barrier) {
            each_block(n_block, n_thread,
                       [&](int b) { current_stage(thread, stage, arrays, input, b); });
        } else if (first.use) {
            run_barrier(first, first.use->kernel->current,
                        make_args(first, arrays, input, thread.ions));
        } else {
            first.host_current(input.token);
        }
    }
    std::atomic<int> nan_block{-1};
    each_block(n_block, n_thread, [&](int b) {
        if (solve_block(thread, input, b)) {
            nan_block = b;
        }
    });
    return nan_block;
}

void state_block(ThreadImage& thread, std::vector<int> const& stage, StepInput const& input,
                 int b) {
    Arrays arrays = node_arrays(thread, false);
    if (thread.slots) {
        double* const v = scratch().slot_array(0, thread.max_slot);
        int const* const node = thread.slot_node.data() + thread.slot_first[b];
        for (int k = thread.state_slot_first[b]; k < thread.state_slot_first[b + 1]; ++k) {
            int const slot = thread.state_slot[k];
            v[slot] = thread.node.v[node[slot]];
        }
        arrays.v = v;
        arrays.area = thread.slot_area.data() + thread.slot_first[b];
    }
    for (int index: stage) {
        MechanismImage const& mechanism = thread.mechanisms[index];
        if (mechanism.range_first[b] != mechanism.range_first[b + 1]) {
            run_block(mechanism, mechanism.use->kernel->state,
                      make_args(mechanism, arrays, input, thread.ions), b);
        }
    }
}

} // namespace

int currents_and_solve(ThreadImage& thread, StepInput const& input, int n_thread) {
    if (!thread.slots) {
        return staged(thread, input, n_thread);
    }
    std::atomic<int> nan_block{-1};
    each_block((int)thread.blocks.size(), n_thread, [&](int b) {
        if (fused_block(thread, input, b)) {
            nan_block = b;
        }
    });
    return nan_block;
}

int whole_step(ThreadImage& thread, StepInput const& now, StepInput const& later, int n_thread) {
    std::atomic<int> nan_block{-1};
    each_block((int)thread.blocks.size(), n_thread, [&](int b) {
        if (fused_block(thread, now, b)) {
            nan_block = b;
        }
        for (auto const& stage: thread.state_stages) {
            state_block(thread, stage, later, b);
        }
    });
    return nan_block;
}

void states(ThreadImage& thread, StepInput const& input, int n_thread) {
    for (auto const& stage: thread.state_stages) {
        MechanismImage const& first = thread.mechanisms[stage[0]];
        if (!first.barrier) {
            each_block((int)thread.blocks.size(), n_thread,
                       [&](int b) { state_block(thread, stage, input, b); });
        } else if (first.use) {
            run_barrier(first, first.use->kernel->state,
                        make_args(first, node_arrays(thread, false), input, thread.ions));
        } else {
            first.host_state(input.token);
        }
    }
}

} // namespace heliox
