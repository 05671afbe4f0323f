// The clock of the streams plan, which kernels read from memory, and its grids.
//
// All nodes lie in global memory. A kernel of a task has as many threads as it likes: it goes through nodes or
// instances in strides of the grid.
#pragma once

#include "flags.cuh"

namespace hx {

HX_DEVICE int grid_tid() { return block() * n_thread() + tid(); }
HX_DEVICE int n_grid() { return n_block() * n_thread(); }

struct Clock {
    double t_half, t; // of the middle and the end of this step, NEURON's rounding [ms]
    int j, n_step, flags;
    bool whole;
};

// hx_model.clock: nt._t at the start of the step. hx_model.count: the step, how many there are, flags.
HX_DEVICE Clock read_clock() {
    double const half = .5 * hx_model.dt;
    Clock clock;
    clock.t_half = hx_model.clock[0] + half;
    clock.t = clock.t_half + half;
    clock.j = hx_model.count[0];
    clock.n_step = hx_model.count[1];
    clock.flags = hx_model.count[2];
    clock.whole = (clock.flags & HX_WHOLE_ALL) ||
                  ((clock.flags & HX_WHOLE_LAST) && clock.j == clock.n_step - 1);
    return clock;
}

HX_DEVICE Nodes nodes_of_block(int b) {
    return nodes_of(b, hx_model.workspace + hx_model.workspace_first[b]);
}

// The block that the node at position p belongs to.
HX_DEVICE Nodes nodes_at(int p) { return nodes_of_block(hx_model.node_block[p]); }

} // namespace hx
