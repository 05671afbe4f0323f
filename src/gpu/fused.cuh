// The fused plan: a block of threads takes its cells through many steps in one launch.
//
// Order of a step as in NEURON's nrn_fixed_step: events due, first half of dt with continuous plays,
// currents and solve, second half with continuous plays, states, records; then, for the next step,
// thresholds. Nothing here leaves the block, so there is no barrier but its own.
#pragma once

// t: nt._t at the start of the first step [ms].
HX_GLOBAL void HX_LAUNCH_BOUNDS hx_fused(double t, int n_step, int flags) {
    hx::fill_tables();
    int const b = hx::block();
    HX_NODE_MEMORY(memory, b);
    hx::Nodes const nodes = hx::nodes_of(b, memory);
    int const* const table = hx_model.tree_table + hx_model.tree_first[b];
    double const half = .5 * hx_model.dt;
    int event = hx_model.event_first[b];
    hx::begin_steady(hx::kCurrentsFirst);
    hx::begin_steady(hx::kCurrentsRest);
    hx::load_nodes(nodes);
#ifdef HX_STEADY
    hx_prepare_steady(nodes, t);
    HX_SYNC();
    hx::ConstantRows constant = {nodes.kept, hx_model.steady_d + nodes.first, false};
#else
    hx::ConstantRows const constant = {};
#endif
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
#ifdef HX_STEADY
        if (hx_model.steady_again) { // a Vector plays into a conductance
            hx_prepare_steady(nodes, t);
            HX_SYNC();
        }
#endif
        hx_point_currents(nodes, b, t, whole);
        hx_node_currents(nodes, b, t, whole);
        hx::steady_currents(nodes, hx::kCurrentsRest);
        HX_SYNC();
        hx::solve_tree<HX_TREE_METHOD>(table, nodes.tree, nodes.scratch, constant);
#ifdef HX_STEADY
        constant.known = !hx_model.steady_again;
#endif
        t += half;
        if (hx_model.n_play) {
            hx_advance_v(nodes, whole);
            hx::begin_steady(hx::kCurrentsFirst); // the parts that would do so do not run
            hx::begin_steady(hx::kCurrentsRest);
            HX_SYNC();
            hx::play(nodes, b, 2 * j + 1);
            HX_SYNC();
        }
        hx_update(nodes, b, t, whole, !hx_model.n_play); // one copy of the states' code
        if (!hx_model.n_play) {
            hx::advance_steady(nodes, hx::kAdvanceRest, whole);
        }
        HX_SYNC();
        hx_point_states(nodes, b, t, whole);
        event = hx_end_step(nodes, observed, b, j, n_step, flags, event, t);
    }
    hx::store_flag(observed);
    hx::store_nodes(nodes);
}
