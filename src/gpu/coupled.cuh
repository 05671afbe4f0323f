// The coupled plan: as the fused one, for cells that look at each other's v in every step.
//
// POINTERs to a v and the targets of ParallelContext.target_var are links: after each update of v the blocks put
// what others want to see into an exchange array, meet at one barrier of the grid, and copy from there
// into their own instances. The array has two halves, used in turn: whoever writes one half again has passed
// the barrier of the step between, so that all have read it. The blocks must run at the same time.
// exchange_mask 1 stands for the two halves. A layer whose presynaptic cells have run before finds a row for each
// step there (nn/batch/compiled.py; all bits set), and publishes nothing.
#pragma once

namespace hx {

#ifdef __CUDACC_RTC__

// All stores of the block before it are seen by blocks that await the same count.
HX_DEVICE void arrive(int* count) {
    HX_SYNC();
    if (tid() == 0) {
        __threadfence();
        atomicAdd(count, 1);
    }
}

HX_DEVICE void await(int const* count, int target) {
    if (tid() == 0) {
        while (*(int const volatile*)count - target < 0) {
        }
        __threadfence();
    }
    HX_SYNC();
}

// Past the multiprocessor's own cache, which may hold an older value.
HX_DEVICE double from_other(double const* place) { return __ldcg(place); }

#else

HX_DEVICE void arrive(int*) {}
HX_DEVICE void await(int const*, int) {}
HX_DEVICE double from_other(double const* place) { return *place; }

#endif

// j: the step.
HX_DEVICE void publish(Nodes const& nodes, int b, int j) {
    double* const row = hx_model.exchange + (j & hx_model.exchange_mask) * hx_model.n_exchange;
    for (int s = hx_model.exchange_first[b] + tid(); s < hx_model.exchange_first[b + 1];
         s += n_thread()) {
        row[s] = nodes.v[hx_model.exchange_slot[s]];
    }
}

HX_DEVICE void take(int b, int j) {
    double const* const row =
        hx_model.exchange + (j & hx_model.exchange_mask) * hx_model.n_exchange;
    for (int k = hx_model.link_first[b] + tid(); k < hx_model.link_first[b + 1]; k += n_thread()) {
        *hx_model.link_place[k] = from_other(row + hx_model.link_exchange[k]);
    }
}

} // namespace hx

// t: nt._t at the start of the first step [ms]. meetings: how often all blocks have met before, times their number.
HX_GLOBAL void HX_LAUNCH_BOUNDS hx_coupled(double t, int n_step, int flags, int meetings) {
    hx::fill_tables();
    int const b = hx::block();
    HX_NODE_MEMORY(memory, b);
    hx::Nodes const nodes = hx::nodes_of(b, memory);
    int const* const table = hx_model.tree_table + hx_model.tree_first[b];
    double const half = .5 * hx_model.dt;
    bool const crossing = hx_model.n_crossing > 0; // else all links stay in their block
    bool const late = hx_model.late_links;         // only point processes wait for them
    int event = hx_model.event_first[b];
    hx::load_nodes(nodes);
    hx::Observed observed = hx::observe(b);
    bool const split = hx_model.split_events;
    for (int j = 0; j < n_step; ++j) {
        bool const whole = (flags & HX_WHOLE_ALL) || ((flags & HX_WHOLE_LAST) && j == n_step - 1);
        hx_watch(nodes, b, t, j);
        event = hx::deliver(nodes, b, event, split ? 2 * j : j, t + half);
        t += half;
        if (hx_model.n_play) {
            HX_SYNC(); // who samples v of the step before has read it
            hx::play(nodes, b, 2 * j);
            HX_SYNC();
        }
#ifdef HX_BEFORE_BREAKPOINT
        hx_before_breakpoint(nodes, b, t);
#endif
        hx_point_currents(nodes, b, t, whole);
        hx_node_currents(nodes, b, t, whole);
        HX_SYNC();
        hx::solve_tree<HX_TREE_METHOD>(table, nodes.tree, nodes.scratch);
        t += half;
        hx_advance_v(nodes, whole);
        HX_SYNC();
        hx::publish(nodes, b, j);
        if (crossing) {
            hx::arrive(hx_model.meeting);
            meetings += hx::n_block();
        } else {
            HX_SYNC();
        }
        if (!late) {
            if (crossing) {
                hx::await(hx_model.meeting, meetings);
            }
            hx::take(b, j);
            HX_SYNC();
        }
        if (hx_model.n_play) {
            hx::play(nodes, b, 2 * j + 1);
            HX_SYNC();
        }
        hx_node_states(nodes, b, t, whole);
        if (late) {
            if (crossing) {
                hx::await(hx_model.meeting, meetings);
            }
            hx::take(b, j);
        }
        HX_SYNC();
        hx_point_states(nodes, b, t, whole);
        event = hx_end_step(nodes, observed, b, j, n_step, flags, event, t);
    }
    hx::store_flag(observed);
    hx::store_nodes(nodes);
}
