// The streams plan: a kernel for each task of a step (codegen/device_streams.py has those of mechanisms).
//
// What depends on what, and which tasks run side by side: heliox_neuron/engines/gpu/streams.py. hx_begin comes
// before the first step of a window, hx_finish after the last.
#pragma once

// t: nt._t at the start of the first step [ms].
HX_GLOBAL void hx_begin(double t, int n_step, int flags) {
    int const b = hx::block();
    hx::load_nodes(hx::nodes_of_block(b));
    if (hx::tid() == 0) {
        hx_model.event_next[b] = hx_model.event_first[b];
        if (b == 0) {
            hx_model.clock[0] = t;
            hx_model.count[0] = 0;
            hx_model.count[1] = n_step;
            hx_model.count[2] = flags;
        }
    }
}

// Events due at the start of the step, and continuous plays of its first half.
HX_GLOBAL void HX_LAUNCH_BOUNDS hx_events() {
    hx::fill_tables();
    hx::Clock const clock = hx::read_clock();
    int const b = hx::block();
    hx::Nodes const nodes = hx::nodes_of_block(b);
    bool const split = hx_model.split_events;
    int const event = hx_model.event_next[b];
    hx_watch(nodes, b, hx_model.clock[0], clock.j);
    int const next = hx::deliver(nodes, b, event, split ? 2 * clock.j : clock.j, clock.t_half);
    if (hx_model.n_play) {
        hx::play(nodes, b, 2 * clock.j);
    }
    HX_SYNC();
    if (hx::tid() == 0) {
        hx_model.event_next[b] = next;
    }
}

HX_GLOBAL void HX_LAUNCH_BOUNDS hx_solve() {
    int const b = hx::block();
    hx::Nodes const nodes = hx::nodes_of_block(b);
    int const* const table = hx_model.tree_table + hx_model.tree_first[b];
    hx::solve_tree<HX_TREE_METHOD>(table, nodes.tree, nodes.scratch);
}

HX_GLOBAL void hx_advance() {
    hx::Clock const clock = hx::read_clock();
    for (int p = hx::grid_tid(); p < hx_model.n_node; p += hx::n_grid()) {
        hx::Nodes const nodes = hx::nodes_at(p);
        hx::advance_v(nodes, p - nodes.first, clock.whole);
    }
}

// What cells see of each other (coupled.cuh): v is where it is, no exchange is needed.
HX_GLOBAL void hx_links() {
    for (int k = hx::grid_tid(); k < hx_model.n_link; k += hx::n_grid()) {
        *hx_model.link_place[k] = hx_model.v[hx_model.exchange_position[hx_model.link_exchange[k]]];
    }
}

// Continuous plays of the second half.
HX_GLOBAL void hx_play() {
    hx::Clock const clock = hx::read_clock();
    int const b = hx::block();
    hx::play(hx::nodes_of_block(b), b, 2 * clock.j + 1);
}

// Records and averages, and thresholds at the start of the next step.
HX_GLOBAL void hx_sample() {
    hx::Clock const clock = hx::read_clock();
    int const b = hx::block();
    hx::Nodes const nodes = hx::nodes_of_block(b);
    hx::Observed observed = hx::observe(b);
    hx::sample(nodes, observed, clock.j);
    hx::average(nodes, b, clock.j);
    if (hx_model.split_events) {
        hx::fill_tables();
        int const event = hx_model.event_next[b];
        int const next = hx::deliver(nodes, b, event, 2 * clock.j + 1, clock.t);
        HX_SYNC();
        if (hx::tid() == 0) {
            hx_model.event_next[b] = next;
        }
    }
    if (clock.j < clock.n_step - 1) {
        hx::detect(nodes, observed, clock.j + 1);
        hx::store_flag(observed);
    }
}

HX_GLOBAL void hx_tick() {
    if (hx::grid_tid() == 0) {
        hx_model.clock[0] = hx::read_clock().t;
        ++hx_model.count[0];
    }
}

HX_GLOBAL void HX_LAUNCH_BOUNDS hx_finish() {
    hx::fill_tables();
    int const b = hx::block(), n_step = hx_model.count[1];
    hx::Nodes const nodes = hx::nodes_of_block(b);
    if (!hx_model.split_events) {
        hx::deliver(nodes, b, hx_model.event_next[b], n_step, hx_model.clock[0]);
    }
    if (hx_model.count[2] & HX_DETECT_LAST) {
        hx::Observed observed = hx::observe(b);
        hx::detect(nodes, observed, n_step);
        hx::store_flag(observed);
    }
    hx::store_nodes(nodes);
}
