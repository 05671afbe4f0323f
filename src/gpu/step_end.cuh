// What ends a step of the plans whose blocks take their cells through many steps in one launch.
#pragma once

#ifndef HX_PLAN_STREAMS // where each of these is a task of its own

// After the states of step j; t: its end [ms]. Returns the next event that is not delivered yet.
HX_DEVICE int hx_end_step(hx::Nodes const& nodes, hx::Observed& observed, int b, int j, int n_step,
                          int flags, int event, double t) {
#ifdef HX_AFTER_SOLVE
    hx_after_solve(nodes, b, t);
#endif
#ifdef HX_BEFORE_STEP
    hx_before_step(nodes, b, t);
#endif
    if (hx_model.sync_records) {
        HX_SYNC(); // a record, an average or a threshold looks at what another thread stored
    }
    hx::sample(nodes, observed, j);
    hx::average(nodes, b, j);
    bool const last = j == n_step - 1;
    if (hx_model.split_events || last) {
        event = hx::deliver(nodes, b, event, hx_model.split_events ? 2 * j + 1 : n_step, t);
    }
    if (!last || (flags & HX_DETECT_LAST)) {
        hx::detect(nodes, observed, j + 1);
    }
    if (hx_model.sync_records) {
        HX_SYNC(); // that thread may store what the next step computes
    }
    return event;
}

#endif
