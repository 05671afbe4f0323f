// The engine as the hooks see it: freezes when needed, chooses how to step, keeps the record of runs.
#include "engine.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>

#include "clock.hpp"
#include "device_engine.hpp"
#include "engine_entry.hpp"
#include "fixed_step.hpp"
#include "kernel_table.hpp"
#include "model_keeper.hpp"
#include "neuron_model.hpp"
#include "structure.hpp"

extern int hoc_intset;

namespace heliox {

namespace {

// Below this many compartments a second thread costs more than it saves (benchmarks/simulation.py, x1 models).
constexpr long kThreadNodes = 4000;
constexpr double kPollSeconds = 0.05;

struct Engine {
    ModelKeeper models;
    StepPlan plan;
    StepRefusal refusal; // of the last look
    bool in_batch = false;
    bool batch_fresh = false; // begun, its first step not done
    bool batch_lean = false;
    bool last_of_batch = true;
    double batch_stop = 0;
    bool interrupted = false;
    double polled = 0;
    double progress_shown = 0;
    bool left_lean = false;      // the last step left columns unwritten
    bool stop_requested = false; // stoprun was set by us, for Ctrl-C
    unsigned described_generation = 0;
    bool new_run = true;
    bool nan_named = false; // once a run
    int depth = 0;          // our steps inside one another (a callback that advances)
    std::vector<RunRecord> runs;
    std::set<std::string> warned;
    Callbacks callbacks;
};

Engine& engine() {
    static Engine the_engine;
    return the_engine;
}

int read_affinity() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return std::max(1, CPU_COUNT(&set));
    }
    return std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
}

// Asked once: a step must not cost a system call.
int affinity_cores() {
    static int const cores = read_affinity();
    return cores;
}

// Ranks of an MPI job on this node share its cores.
int local_ranks() {
    for (char const* name: {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS",
                            "SLURM_NTASKS_PER_NODE", "PALS_LOCAL_SIZE"}) {
        if (char const* text = std::getenv(name)) {
            int const n = std::atoi(text);
            if (n > 0) {
                return n;
            }
        }
    }
    return 1;
}

int choose_threads() {
    if (nrn_nthread > 1) {
        return 1; // pc.nthread already spreads the cells over NEURON's own threads
    }
    if (settings().threads > 0) {
        return settings().threads;
    }
    if (nrn_threads[0].end < kThreadNodes) {
        return 1;
    }
    static int const ranks = local_ranks();
    return std::max(1, affinity_cores() / ranks);
}

void warn_once(std::string const& code, std::string const& message) {
    Engine& e = engine();
    if (e.warned.insert(code + message).second) {
        if (e.callbacks.warn) {
            e.callbacks.warn(code, message);
        } else {
            std::fprintf(stderr, "%s %s\n", code.c_str(), message.c_str());
        }
    }
}

void refuse(StepRefusal const& refusal) {
    std::string const message =
        refusal.reason + ": the run goes on in plain NEURON (correct, not accelerated)";
    if (settings().strict) {
        hoc_execerror((refusal.code + " " + refusal.reason).c_str(),
                      "heliox.strict = 1 makes this an error");
    }
    warn_once(refusal.code, message);
}

// Called by the step where NEURON would see changes that events, plays or callbacks just made.
void refresh(neuron::model_sorted_token const& token) {
    Engine& e = engine();
    if (e.models.refresh(token)) {
        e.plan.model = e.models.get();
        e.plan.nan_thread = -1; // its block was the old image's
    }
}

// The image is ready for a step, or the reason why NEURON must do it.
bool ready(neuron::model_sorted_token const& token) {
    Engine& e = engine();
    e.refusal = settings().device == "neuron" ? StepRefusal{"-", "heliox.device is \"neuron\""}
                                              : refuse_step();
    if (!e.refusal.code.empty()) {
        if (e.refusal.code != "-") {
            refuse(e.refusal);
        }
        return false;
    }
    if (e.depth == 0) {
        e.models.release();
    }
    int const n_thread = choose_threads();
    e.refusal = e.models.prepare(token, n_thread);
    if (!e.refusal.code.empty()) {
        refuse(e.refusal);
        return false;
    }
    e.plan.model = e.models.get();
    e.plan.n_thread = n_thread;
    e.plan.refresh = refresh;
    return true;
}

RunRecord& run_record(char const* kind, char const* where) {
    Engine& e = engine();
    if (e.new_run || e.runs.empty() || e.runs.back().kind != kind ||
        e.runs.back().engine != where) {
        RunRecord record;
        record.kind = kind;
        record.engine = where;
        record.t_start = t;
        record.t_stop = t;
        e.runs.push_back(record);
        e.new_run = false;
        if (e.runs.size() > 10000) {
            e.runs.erase(e.runs.begin(), e.runs.begin() + 5000);
        }
    }
    return e.runs.back();
}

// Books time and steps on the run that is the last one when the steps end: callbacks can start runs of their own.
class StepScope {
  public:
    StepScope() : started_(wall_seconds()) { ++engine().depth; }
    ~StepScope() {
        Engine& e = engine();
        --e.depth;
        if (!e.runs.empty()) {
            RunRecord& last = e.runs.back();
            last.seconds += wall_seconds() - started_;
            last.steps += steps;
            last.t_stop = t;
        }
    }
    long steps = 0;

  private:
    double started_;
};

void describe(RunRecord& record) {
    Engine& e = engine();
    Model const& model = *e.models.get();
    record.threads = nrn_nthread > 1 ? nrn_nthread : e.plan.n_thread;
    record.plan = model.threads.empty() || model.threads[0].slots ? "blocks" : "staged";
    if (e.described_generation != model.generation) { // the run that prepared it bears the cost
        e.described_generation = model.generation;
        record.freeze_seconds += model.freeze_seconds;
        record.compile_seconds += model.compile_seconds;
    }
    record.host_mechanisms = model.has_host;
}

void after_step() {
    Engine& e = engine();
    if (e.plan.nan_thread >= 0 && !e.nan_named) {
        e.nan_named = true;
        warn_once("HX050", describe_nan(*e.models.get(), e.plan.nan_thread, e.plan.nan_block));
    }
    e.plan.nan_thread = -1;
}

bool poll_interrupt() {
    Engine& e = engine();
    double const now = wall_seconds();
    if (now - e.polled < kPollSeconds) {
        return e.interrupted;
    }
    e.polled = now;
    // kept until it is acted upon: asking Python clears its flag
    e.interrupted =
        e.interrupted || hoc_intset != 0 || (e.callbacks.interrupted && e.callbacks.interrupted());
    return e.interrupted;
}

void show_progress(double t_stop, double t_now) {
    Engine& e = engine();
    if (!settings().progress || !e.callbacks.progress) {
        return;
    }
    double const now = wall_seconds();
    if (now - e.progress_shown >= 0.2) {
        e.progress_shown = now;
        e.callbacks.progress(t_now, t_stop);
    }
}

void end_progress() {
    Engine& e = engine();
    if (e.progress_shown > 0 && e.callbacks.progress) {
        e.progress_shown = 0;
        e.callbacks.progress(std::nan(""), std::nan(""));
    }
}

// The CPU engine's step between two stretches of a device engine's.
bool host_step(neuron::model_sorted_token const& token) {
    Engine& e = engine();
    if (!ready(token)) {
        return false;
    }
    e.plan.lean = false;
    StepScope scope;
    fixed_step(e.plan, token);
    scope.steps = 1;
    after_step();
    return true;
}

// What steps by the device engine take from this one.
class CpuHost : public DeviceHost {
  public:
    bool step(neuron::model_sorted_token const& token) override {
        if (!host_step(token)) {
            return false;
        }
        ++engine().runs.back().host_steps;
        return true;
    }
    void book(char const* kind, DeviceAnswer const& answer, double seconds,
              double t_start) override {
        Engine& e = engine();
        bool const opened = e.new_run || e.runs.empty() || e.runs.back().kind != kind ||
                            e.runs.back().engine != "gpu";
        RunRecord& record = run_record(kind, "gpu");
        if (opened) {
            record.t_start = t_start;
            record.where = answer.where;
        }
        record.plan = answer.plan;
        record.steps += answer.done;
        record.host_syncs += answer.done > 0;
        record.seconds += seconds;
        record.t_stop = nrn_threads[0]._t;
        if (!answer.reason.empty()) { // an error ended it
            record.code = answer.code;
            record.reason = answer.reason;
        }
    }
};

// As device_steps (device_engine.hpp).
DeviceEnd steps_on_device(char const* kind, neuron::model_sorted_token const& token, long n,
                          double t_stop, double pause_at, long& done) {
    CpuHost host;
    DeviceRequest const request{kind, n, t_stop, pause_at};
    return device_steps(host, request, token, done, engine().interrupted);
}

bool device_takes_steps(char const* kind) { return engine().depth == 0 && device_wanted(kind); }

// A line of the CPU's tells why it is not the device's.
void note_device_refusal(RunRecord& record) {
    if (DeviceAnswer const& refusal = last_device_refusal(record.kind.c_str()); refusal.refused) {
        record.code = refusal.code;
        record.reason = refusal.reason;
    }
}

void act_on_interrupt() {
    Engine& e = engine();
    if (e.interrupted) {
        e.interrupted = false;
        if (e.callbacks.raise_interrupt) {
            e.callbacks.raise_interrupt();
        }
    }
}

class PsolveWatch : public GroupWatch {
  public:
    PsolveWatch(bool may_be_lean, int n) : may_be_lean_(may_be_lean), t_stop_(t + n * dt) {}
    bool lean(int remaining) const override {
        return may_be_lean_ && remaining > 0 && !engine().interrupted;
    }
    bool go_on() override {
        Engine& e = engine();
        if ((++asked_ & 3) == 0) {
            poll_interrupt();
            show_progress(t_stop_, nrn_threads[0]._t);
        }
        return !e.interrupted || e.plan.lean; // one whole step more if the last one was lean
    }

  private:
    bool may_be_lean_;
    double t_stop_;
    unsigned asked_ = 0;
};

} // namespace

Callbacks& callbacks() { return engine().callbacks; }

Model const* current_model() { return engine().models.get(); }

StepRefusal const& last_refusal() { return engine().refusal; }

std::vector<RunRecord>& run_records() { return engine().runs; }

std::string solver_text() {
    Engine& e = engine();
    return e.models.get() && !e.models.get()->threads.empty()
               ? e.models.get()->threads[0].tree->describe()
               : "";
}

int engine_threads() {
    Engine& e = engine();
    return e.models.get() ? e.models.get()->n_thread : 1;
}

void freeze_now() {
    set_up_structure();
    auto const token = nrn_ensure_model_data_are_sorted_opaque();
    ready(token);
}

void warn(std::string const& code, std::string const& message) { warn_once(code, message); }

bool engine_fixed_step(neuron::model_sorted_token const& token) {
    Engine& e = engine();
    if (!e.in_batch && device_takes_steps("fadvance")) {
        long done = 0;
        e.interrupted = false;
        steps_on_device("fadvance", token, 1, nrn_threads[0]._t + dt, 0, done);
        act_on_interrupt();
        if (done > 0) {
            return true;
        }
    }
    if (!ready(token)) {
        RunRecord& record = run_record(e.in_batch ? "continuerun" : "fadvance", "neuron");
        ++record.steps;
        record.code = e.refusal.code;
        record.reason = e.refusal.reason;
        return false;
    }
    RunRecord& record = run_record(e.in_batch ? "continuerun" : "fadvance", "cpu");
    describe(record);
    note_device_refusal(record);
    if (e.in_batch && e.batch_fresh) {
        e.batch_fresh = false;
        e.batch_lean = e.depth == 0 && find_lean(*e.models.get());
        e.plan.one_pass = e.batch_lean && nothing_between();
    }
    e.plan.lean = e.in_batch && e.batch_lean && !e.last_of_batch && e.depth == 0;
    StepScope scope;
    e.left_lean = e.plan.lean;
    fixed_step(e.plan, token);
    scope.steps = 1;
    after_step();
    if (e.in_batch) {
        show_progress(e.batch_stop, t);
    }
    return true;
}

bool engine_fixed_step_group(neuron::model_sorted_token const& token, int& n) {
    Engine& e = engine();
    device_new_group();
    if (device_takes_steps("psolve")) {
        long done = 0;
        e.interrupted = false;
        double const t_stop = nrn_threads[0]._t + n * dt;
        DeviceEnd const end = steps_on_device("psolve", token, n, t_stop, 0, done);
        t = nrn_threads[0]._t;
        act_on_interrupt();
        if (end != DeviceEnd::refused || done == n) {
            return true;
        }
        n -= (int)done;
    }
    if (!ready(token)) {
        RunRecord& record = run_record("psolve", "neuron");
        record.steps += n;
        record.code = e.refusal.code;
        record.reason = e.refusal.reason;
        return false;
    }
    RunRecord& record = run_record("psolve", "cpu");
    describe(record);
    note_device_refusal(record);
    e.interrupted = false;
    e.polled = wall_seconds();
    bool const may_be_lean = e.depth == 0 && find_lean(*e.models.get());
    e.plan.one_pass = may_be_lean && nothing_between();
    PsolveWatch watch(may_be_lean, n);
    StepScope scope;
    scope.steps = fixed_step_group(e.plan, token, n, watch);
    after_step();
    end_progress();
    act_on_interrupt();
    return true;
}

long engine_device_steps(neuron::model_sorted_token const& token, long n, double t_stop,
                         double pause_at) {
    if (!device_takes_steps("continuerun")) {
        return 0;
    }
    long done = 0;
    steps_on_device("continuerun", token, n, t_stop, pause_at, done);
    return done;
}

void engine_begin_batch(double t_stop) {
    Engine& e = engine();
    e.in_batch = true;
    e.last_of_batch = false;
    e.batch_stop = t_stop;
    e.batch_lean = false;
    e.batch_fresh = true; // whether its steps may be lean is found when the model is ready
    e.interrupted = false;
}

void engine_end_batch() {
    Engine& e = engine();
    e.in_batch = false;
    e.batch_lean = false;
    e.last_of_batch = true;
    end_progress();
    if (e.stop_requested) {
        stoprun = 0; // a later psolve looks at it
        e.stop_requested = false;
    }
}

void engine_batch_last_step() { engine().last_of_batch = true; }

void engine_finitialize(bool after) {
    Engine& e = engine();
    if (!after) {
        return;
    }
    e.new_run = true;
    e.nan_named = false;
    device_new_run();
    if (cvode_active_ && settings().device != "neuron") {
        // its fadvance never comes to us: say so where the run begins
        e.refusal = refuse_step();
        refuse(e.refusal);
    }
}

bool engine_interrupted() {
    Engine& e = engine();
    if (!poll_interrupt()) {
        return false;
    }
    if (e.left_lean) {
        e.last_of_batch = true; // one whole step more: the state must be readable
        return false;
    }
    e.interrupted = false;
    if (!e.callbacks.raise_interrupt) {
        return true;
    }
    // Python raises KeyboardInterrupt by itself once continuerun has returned.
    stoprun = 1;
    e.stop_requested = true;
    e.callbacks.raise_interrupt();
    return false;
}

} // namespace heliox
