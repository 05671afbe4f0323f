#include "fixed_step.hpp"

#include <algorithm>
#include <cerrno>

#include "../cpu/step.hpp"
#include "average.hpp"
#include "clock.hpp"
#include "neuron_model.hpp"

namespace heliox {
namespace {

// NEURON's thread jobs are plain functions: what they need is here while a step runs.
StepPlan* plan_;
GroupWatch* watch_;
int group_begin_, group_end_, group_n_;
// NEURON threads may be at different steps of a group: each knows for itself whether its step is lean.
thread_local bool lean_ = false;

StepInput input_of(NrnThread const& nt, neuron::model_sorted_token const& token) {
    StepInput input{};
    input.t = nt._t;
    input.dt = nt._dt;
    input.cj = nt.cj;
    input.celsius = celsius;
    input.secondorder = secondorder;
    input.fast_imem = nrn_use_fast_imem;
    input.lean = lean_ && secondorder != 2; // second_order_cur reads the ions' currents
    input.keep_rhs = secondorder == 2 || plan_->model->has_host;
    input.token = &token;
    input.nernst_coefficient = nrn_nernst_coef;
    return input;
}

bool one_pass(ThreadImage const& thread) {
    return lean_ && plan_->one_pass && thread.slots && secondorder != 2;
}

// Events, plays and callbacks may have run the interpreter: what NEURON would see from here on is taken over.
// With NEURON's own threads no interpreter runs inside a step.
void look_again(neuron::model_sorted_token const& token) {
    if (lean_ || nrn_nthread > 1) {
        return;
    }
    if (diam_changed) {
        recalc_diam();
    }
    plan_->refresh(token);
}

// memb_func[].state for all mechanisms, then what NEURON's nonvint does besides.
void nonvint(neuron::model_sorted_token const& token, NrnThread& nt, ThreadImage& thread) {
    if (nrnthread_v_transfer_) {
        nrnthread_v_transfer_(&nt);
    }
    errno = 0;
    if (!one_pass(thread)) {
        check_serial_tables(*plan_->model);
        states(thread, input_of(nt, token), plan_->n_thread);
    }
    long_difus_solve(token, 0, nt);
}

void last_part(neuron::model_sorted_token const& token, NrnThread& nt) {
    double const started = wall_seconds();
    nt._t += .5 * nt._dt;
    fixed_play_continuous(&nt);
    nrn_extra_scatter_gather(0, nt.id);
    look_again(token);
    nonvint(token, nt, plan_->model->threads[nt.id]);
    nrn_ba(token, nt, AFTER_SOLVE);
    fixed_record_continuous(token, nt);
    add_to_averages(nt);
    nt._ctime += wall_seconds() - started;
    nrn_deliver_events(&nt);
}

void first_part(neuron::model_sorted_token const& token, NrnThread& nt) {
    deliver_net_events(&nt);
    double const started = wall_seconds();
    nrn_random_play();
    nt._t += .5 * nt._dt;
    fixed_play_continuous(&nt);
    look_again(token);
    check_serial_tables(*plan_->model);
    ThreadImage& thread = plan_->model->threads[nt.id];
    if (nt.tbl[BEFORE_BREAKPOINT]) {
        if (nrn_use_fast_imem) { // NEURON has cleared i_membrane_ when these blocks look at it
            std::fill_n(nt.node_sav_rhs_storage(), nt.end, 0.);
        }
        nrn_ba(token, nt, BEFORE_BREAKPOINT);
    }
    StepInput const now = input_of(nt, token);
    int nan_block = -1;
    if (one_pass(thread)) {
        StepInput later = now;
        later.t += .5 * nt._dt;
        nan_block = whole_step(thread, now, later, plan_->n_thread);
    } else {
        nan_block = currents_and_solve(thread, now, plan_->n_thread);
    }
    if (nan_block >= 0 && plan_->nan_thread < 0) {
        plan_->nan_thread = nt.id;
        plan_->nan_block = nan_block;
    }
    second_order_cur(&nt);
    if (nrnthread_vi_compute_) {
        nrnthread_vi_compute_(&nt);
    }
    nt._ctime += wall_seconds() - started; // pc.thread_ctime
    if (!nrnthread_v_transfer_) {
        last_part(token, nt);
    }
}

void single_part(neuron::model_sorted_token const& token, NrnThread& nt) {
    lean_ = plan_->lean;
    first_part(token, nt);
}

void transfer_and_last_part(neuron::model_sorted_token const& token) {
    if (nrnthread_v_transfer_) {
        if (nrnmpi_v_transfer_) {
            nrnmpi_v_transfer_();
        }
        nrn_multithread_job(token, last_part);
    }
}

// NEURON threads advance by themselves until one of them stops for an event of all threads.
void group_part(neuron::model_sorted_token const& token, NrnThread& nt) {
    nt._stop_stepping = 0;
    for (int i = group_begin_; i < group_n_; ++i) {
        lean_ = watch_->lean(group_n_ - 1 - i);
        if (nt.id == 0) {
            plan_->lean = lean_; // what the last step left, for the watch
        }
        first_part(token, nt);
        bool const stop = nt._stop_stepping || (nrn_nthread == 1 && !watch_->go_on());
        if (stop) {
            if (nt.id == 0) {
                group_end_ = i + 1;
            }
            nt._stop_stepping = 0;
            return;
        }
    }
    if (nt.id == 0) {
        group_end_ = group_n_;
    }
}

// The plan of the innermost advance: a callback may step inside our step. (How far a group got is left as the
// inner one set it, because NEURON's own counters are.)
class Active {
  public:
    Active(StepPlan& plan, GroupWatch* watch) : plan_before_(plan_), watch_before_(watch_) {
        plan_ = &plan;
        watch_ = watch;
    }
    ~Active() {
        plan_ = plan_before_;
        watch_ = watch_before_;
    }

  private:
    StepPlan* plan_before_;
    GroupWatch* watch_before_;
};

} // namespace

void copy_dt(double compared) {
    if (compared == nrn_threads[0]._dt) {
        return;
    }
    for (int i = 0; i < nrn_nthread; ++i) {
        NrnThread& nt = nrn_threads[i];
        nt._t = t;
        nt._dt = dt;
        nt.cj = (secondorder ? 2.0 : 1.0) / dt;
    }
}

void fixed_step(StepPlan& plan, neuron::model_sorted_token const& token) {
    Active active(plan, nullptr);
    averages_before_steps();
    copy_dt(t != nrn_threads->_t ? -1. : dt);
    nrn_thread_table_check(token);
    check_tables(*plan.model);
    nrn_multithread_job(token, single_part);
    transfer_and_last_part(token);
    t = nrn_threads[0]._t;
    if (nrn_allthread_handle) {
        nrn_allthread_handle();
    }
}

int fixed_step_group(StepPlan& plan, neuron::model_sorted_token const& token, int n,
                     GroupWatch& watch) {
    Active active(plan, &watch);
    averages_before_steps();
    copy_dt(dt);
    nrn_thread_table_check(token);
    check_tables(*plan.model);
    group_n_ = n;
    group_begin_ = group_end_ = 0;
    while (group_end_ < group_n_) {
        nrn_multithread_job(token, group_part);
        if (nrn_allthread_handle) {
            nrn_allthread_handle();
        }
        if (stoprun || !watch.go_on()) {
            break;
        }
        group_begin_ = group_end_;
    }
    t = nrn_threads[0]._t;
    return group_end_;
}

} // namespace heliox
