#include "stdrun.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>

#include "clock.hpp"
#include "hooks.hpp"
#include "nrn_decl.hpp"
#include "stdrun_names.hpp"
#include "structure.hpp"

namespace heliox {
namespace {

// hoc's comparisons.
bool hoc_less(double a, double b) { return a < b - hoc_epsilon; }
bool hoc_not_less(double a, double b) { return a >= b - hoc_epsilon; }

Stdrun stdrun;
Proc original_continuerun{}; // moved here while ours is in place
struct {
    Inst* code = nullptr;
    unsigned long size = 0;
} rejected; // a continuerun that is not NEURON's: not examined again at every step
bool batch_is_open = false;

void open_batch(double t_stop) {
    if (batch_is_open) {
        return;
    }
    batch_is_open = true;
    engine_begin_batch(t_stop);
}

// The token that says "NEURON's columns are sorted", kept from step to step.
class SortedModel {
  public:
    neuron::model_sorted_token const& token() {
        if (tree_changed || v_structure_change || diam_changed) {
            drop();
        }
        if (!token_) {
            set_up_structure();
            // the type cannot be moved: constructed in place from the call's result
            token_.reset(
                new neuron::opaque_model_sorted_token(nrn_ensure_model_data_are_sorted_opaque()));
        }
        return *token_;
    }
    void drop() { token_.reset(); }

  private:
    std::unique_ptr<neuron::opaque_model_sorted_token> token_;
};

// One execution of continuerun's loop. The members mirror its local variables.
class ContinuerunLoop {
  public:
    explicit ContinuerunLoop(double t_stop) : t_stop_(t_stop), section_depth_(nrn_isecstack()) {}
    ~ContinuerunLoop() {
        model_.drop();
        try {
            close_batch();
        } catch (...) {
            // an error is already on its way to the user
        }
    }
    void run();

  private:
    void step();
    bool device_steps(double per_step);
    long device_stretch(long n, double pause_at);
    long steps_to_end(long per_step) const;
    void advance(bool last_of_step);
    bool plain_advance() const;
    void fixed_step(bool last_of_step);
    void call(Symbol* procedure);
    void after_call();
    bool update_screen_when_due();
    bool step_reaches_end() const;
    void stop_if_interrupted();

    double t_stop_; // ts
    double started_ = 0;
    double next_update_ = 0; // rt
    int section_depth_;
    bool unwinding_ = false;   // hoc's `stop`
    bool interrupted_ = false; // one more step, complete for the reader, then the error
    bool update_due_ = false;
    bool whole_ = false; // the last step left everything complete for a reader
    SortedModel model_;
};

// What hoc's interpreter does after each call of a procedure.
void ContinuerunLoop::after_call() {
    if (hoc_returning == HOC_STOP) {
        unwinding_ = true;
    } else {
        hoc_returning = 0;
    }
    if (nrn_isecstack() != section_depth_) {
        nrn_secstack(section_depth_);
    }
}

void ContinuerunLoop::call(Symbol* procedure) {
    model_.drop();
    close_batch();
    hoc_call_func(procedure, 0);
    after_call();
}

// True if t reaches ts in this step, by NEURON's own arithmetic for t.
bool ContinuerunLoop::step_reaches_end() const {
    double const middle = t + .5 * dt;
    return !hoc_less(middle + .5 * dt, t_stop_);
}

void ContinuerunLoop::fixed_step(bool last_of_step) {
    stoprun &= ~STOP_AT_TSTOP;
    auto const& token = model_.token();
    open_batch(t_stop_);
    if (whole_ || (last_of_step && (interrupted_ || update_due_ || step_reaches_end()))) {
        engine_batch_last_step();
    }
    fixed_step_in_batch(token);
    stoprun &= ~STOP_AT_TSTOP;
    hoc_returning = 0; // fadvance's own return forgets a `stop` from an event
    after_call();
}

bool ContinuerunLoop::plain_advance() const {
    return settings_.enable != 0. && !cvode_active_ && hooks_installed() &&
           stdrun.advance.is_pristine() && stdrun.fadvance->u.u_proc->defn.pf == &::fadvance;
}

void ContinuerunLoop::advance(bool last_of_step) {
    if (plain_advance()) {
        fixed_step(last_of_step);
    } else {
        call(stdrun.advance.symbol());
    }
}

// Advances in all steps that are left, by NEURON's own arithmetic for t.
long ContinuerunLoop::steps_to_end(long per_step) const {
    constexpr long kMost = 1L << 24;
    long n = 0;
    for (double now = t; hoc_less(now, t_stop_) && n < kMost; n += per_step) {
        for (long i = 0; i < per_step; ++i) {
            now = (now + .5 * dt) + .5 * dt;
        }
    }
    return n;
}

// Advances that the device engine did, 0 if it does not take them.
long ContinuerunLoop::device_stretch(long n, double pause_at) {
    stoprun &= ~STOP_AT_TSTOP;
    auto const& token = model_.token();
    open_batch(t_stop_);
    long const done = engine_device_steps(token, n, t_stop_, pause_at);
    if (done > 0) {
        stoprun &= ~STOP_AT_TSTOP;
        hoc_returning = 0;
        after_call();
    }
    return done;
}

// As many whole steps as the device engine takes, while nobody could look in between. False: none.
bool ContinuerunLoop::device_steps(double per_step) {
    bool const unseen = plain_advance() && !interrupted_ && !update_due_ && per_step >= 1 &&
                        per_step == (long)per_step && stdrun.plot.is_pristine() &&
                        stdrun.graphs.empty();
    if (!unseen) {
        return false;
    }
    long const in_step = (long)per_step;
    double const wait = next_update_ - (nrn_time() - started_);
    double const pause_at = stdrun.screen_is_idle() ? 0. : wall_seconds() + std::max(0., wait);
    long done = device_stretch(steps_to_end(in_step), pause_at);
    if (done == 0) {
        return false;
    }
    whole_ = true;
    while (done % in_step != 0 && !unwinding_) {
        long const rest = in_step - done % in_step;
        long const more = plain_advance() ? device_stretch(rest, 0) : 0;
        if (more == 0) {
            advance(true);
        }
        done += std::max(1L, more);
    }
    return true;
}

void ContinuerunLoop::step() {
    if (!stdrun.step.is_pristine()) {
        call(stdrun.step.symbol());
        return;
    }
    if (stdrun.using_cvode.value()) {
        advance(true);
    } else {
        whole_ = device_steps(stdrun.steps_per_step.value());
        if (whole_) {
            return;
        }
        double const end = stdrun.steps_per_step.value() + hoc_epsilon;
        for (double i = 1.; i <= end && !unwinding_; i += 1.) {
            advance(!(i + 1. <= end));
        }
    }
    if (!unwinding_ && !(stdrun.plot.is_pristine() && stdrun.graphs.empty())) {
        call(stdrun.plot.symbol());
    }
}

// screen_update at the wall-clock interval of stdrun; one step late where that step has to be announced to the
// engine.
bool ContinuerunLoop::update_screen_when_due() {
    double& realtime = stdrun.realtime.value();
    realtime = nrn_time() - started_;
    bool const due = hoc_not_less(realtime, next_update_);
    if (update_due_ || (due && whole_)) {
        update_due_ = false;
        call(stdrun.screen_update);
        if (unwinding_) {
            return false;
        }
        stdrun.realtime.value() = nrn_time() - started_;
        next_update_ = stdrun.realtime.value() + stdrun.screen_update_interval.value();
    } else if (due) {
        update_due_ = true;
    }
    return true;
}

void ContinuerunLoop::stop_if_interrupted() {
    if (interrupted_) {
        model_.drop();
        close_batch();
        hoc_execerror("interrupted", nullptr);
    }
    interrupted_ = hoc_intset || engine_interrupted();
}

void ContinuerunLoop::run() {
    stdrun.realtime.value() = 0;
    next_update_ = stdrun.screen_update_interval.value();
    started_ = nrn_time();
    stdrun.event_count.value() = 0;
    stdrun.event_slow.value() = 1;
    stoprun = 0;
    while (hoc_less(t, t_stop_) && stoprun == 0) {
        step();
        if (unwinding_ || !update_screen_when_due()) {
            return;
        }
        stop_if_interrupted();
    }
    if (interrupted_) {
        stop_if_interrupted();
    }
    if (stdrun.using_cvode.value() && stoprun == 0) {
        step();
        if (unwinding_) {
            return;
        }
    }
    call(stdrun.flush_plot);
    if (!unwinding_) {
        stdrun.realtime.value() = nrn_time() - started_;
    }
}

bool loop_can_be_ours() {
    return settings_.enable != 0. && hooks_installed() && !cvode_active_ && ifarg(1) &&
           hoc_is_double_arg(1) && stdrun.find_variables() && !stdrun.using_cvode.value() &&
           stdrun.is_plain();
}

// The instruction that continuerun consists of.
void continuerun_instruction() {
    close_batch(); // of a continuerun whose callback called this one
    if (!loop_can_be_ours()) {
        // The frame and its local variables are those of continuerun: its own code goes on in them.
        hoc_pc = original_continuerun.defn.in;
        return;
    }
    Inst* const next = hoc_pc;
    {
        ContinuerunLoop loop(*hoc_getarg(1) - dt / 2.);
        loop.run();
    }
    hoc_pc = next;
}

bool is_ours(Proc const& code) {
    return code.size == 3 && code.defn.in[0].pf == &continuerun_instruction;
}

} // namespace

void close_batch() {
    if (!batch_is_open) {
        return;
    }
    batch_is_open = false;
    engine_end_batch();
}

void install_continuerun() {
    Symbol* const symbol = top_level_procedure("continuerun");
    if (!symbol) {
        return;
    }
    Proc& code = *symbol->u.u_proc;
    if (is_ours(code) || (code.defn.in == rejected.code && code.size == rejected.size)) {
        return;
    }
    if (!stdrun.prepare() || !stdrun.continuerun.is_pristine()) {
        rejected.code = code.defn.in;
        rejected.size = code.size;
        return;
    }
    // malloc: a later redefinition frees it. nauto stays: a continuerun that is running now pops as
    // many locals as it pushed, and the original code runs in our frame.
    auto* const block = static_cast<Inst*>(std::malloc(3 * sizeof(Inst)));
    if (!block) {
        return;
    }
    block[0].pf = &continuerun_instruction;
    block[1].pf = &hoc_procret;
    block[2].in = STOP;
    original_continuerun = code;
    code.defn.in = block;
    code.size = 3;
    code.list = nullptr;
}

void restore_continuerun() {
    Symbol* const symbol = top_level_procedure("continuerun");
    if (!symbol || !is_ours(*symbol->u.u_proc)) {
        return;
    }
    // our three instructions stay allocated: this may be called from within them
    Proc& code = *symbol->u.u_proc;
    code.defn.in = original_continuerun.defn.in;
    code.size = original_continuerun.size;
    code.list = original_continuerun.list;
}

} // namespace heliox
