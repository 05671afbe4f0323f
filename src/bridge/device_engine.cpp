#include "device_engine.hpp"

#include <cstring>
#include <map>

#include "clock.hpp"
#include "device_window.hpp"
#include "engine.hpp"
#include "engine_entry.hpp"
#include "fixed_step.hpp"
#include "neuron_model.hpp"
#include "watchdog.hpp"

extern int hoc_intset;

namespace heliox {
namespace {

struct Refusal {
    DeviceAnswer answer;
    int structure = -1;
    std::string setting;
};

struct Device {
    DeviceSteps steps;
    std::map<std::string, Refusal> refusals; // of this run, by kind
    double pause_at = 0;                     // wall seconds
    bool paused = false;
    bool asking = false;  // its code runs now
    long groups = 0;      // that psolve began, by any engine
    bool goes_on = false; // these steps are not the first of their group
};

Device& device() {
    static Device the_device;
    return the_device;
}

bool setting_allows() {
    std::string const& name = settings().device;
    return name == "gpu" || name == "auto";
}

// Null: none holds.
DeviceAnswer const* refusal_of(char const* kind) {
    auto const it = device().refusals.find(kind);
    bool const holds = it != device().refusals.end() &&
                       it->second.structure == structure_change_cnt &&
                       it->second.setting == settings().device;
    return holds ? &it->second.answer : nullptr;
}

void take_refusal(char const* kind, DeviceAnswer const& answer) {
    device().refusals[kind] = {answer, structure_change_cnt, settings().device};
    if (answer.code.empty() || settings().device != "gpu") {
        return; // "auto": the choice is ours, the run's record has the reason
    }
    if (settings().strict) {
        hoc_execerror((answer.code + " " + answer.reason).c_str(),
                      "heliox.strict = 1 makes this an error");
    }
    warn(answer.code, answer.reason + ": the run goes on on the CPU");
}

class Asking {
  public:
    Asking() { device().asking = true; }
    ~Asking() { device().asking = false; }
};

// One call of the engine, booked.
DeviceAnswer ask(DeviceHost& host, DeviceRequest const& request, long n) {
    Device& d = device();
    d.paused = false;
    d.pause_at = request.pause_at;
    device_interpreter_ran();
    double const started = wall_seconds();
    double const t_start = nrn_threads[0]._t;
    DeviceAnswer answer;
    std::string failure;
    try {
        Asking const asking;
        WatchdogPaused const paused;
        answer = d.steps(request.kind, n, request.t_stop);
    } catch (DeviceFailure const& error) {
        failure = error.what();
        answer = error.answer;
    } catch (std::exception const& error) {
        failure = error.what();
    }
    if (!failure.empty()) {
        if (answer.done > 0) {
            host.book(request.kind, answer, wall_seconds() - started, t_start);
        }
        t = nrn_threads[0]._t; // what the queue delivered is delivered: a run goes on from here
        hoc_execerror(failure.c_str(), nullptr); // NEURON's frames expect no other error
    }
    if (answer.done > 0 || !answer.refused) {
        host.book(request.kind, answer, wall_seconds() - started, t_start);
    }
    if (device_window_failed()) {
        double begun;
        bool const group = std::strcmp(request.kind, "psolve") == 0;
        device_rethrow(group ? begun : t); // where NEURON leaves t
    }
    if (answer.refused) {
        take_refusal(request.kind, answer);
    }
    return answer;
}

} // namespace

void set_device_steps(DeviceSteps steps) {
    device().steps = std::move(steps);
    device_new_run();
}

bool device_wanted(char const* kind) {
    Device& d = device();
    if (!d.steps || d.asking || !setting_allows() || refusal_of(kind) ||
        !refuse_step().code.empty()) {
        return false;
    }
    if (nrn_nthread != 1) { // the device's functions are for thread 0
        DeviceAnswer answer;
        answer.refused = true;
        answer.code = "HX033";
        answer.reason = "pc.nthread is not 1";
        take_refusal(kind, answer);
        return false;
    }
    return true;
}

bool device_group_goes_on() { return device().goes_on; }

void device_new_group() { ++device().groups; }

bool device_pause() {
    Device& d = device();
    if (hoc_intset || (d.pause_at > 0 && wall_seconds() >= d.pause_at)) {
        d.paused = true;
    }
    return d.paused;
}

DeviceEnd device_steps(DeviceHost& host, DeviceRequest const& request,
                       neuron::model_sorted_token const& token, long& done, bool& interrupted) {
    Device& d = device();
    bool const group = std::strcmp(request.kind, "psolve") == 0;
    long const this_group = d.groups;
    bool again = false;
    copy_dt(!group && t != nrn_threads->_t ? -1. : dt);
    nrn_thread_table_check(token);
    while (done < request.n) {
        d.goes_on = group && again;
        again = true;
        DeviceAnswer const answer = ask(host, request, request.n - done);
        bool const paused = d.paused;
        done += answer.done;
        interrupted = interrupted || answer.interrupted || hoc_intset;
        if (!group) {
            t = nrn_threads[0]._t;
        }
        bool const event = nrn_allthread_handle != nullptr;
        if (event) {
            nrn_allthread_handle();
        }
        if (group && d.groups != this_group) {
            return DeviceEnd::
                finished; // a psolve in a callback: NEURON's step_group_end is that one's
        }
        if (answer.refused) {
            return DeviceEnd::refused;
        }
        if (interrupted || (group && stoprun)) {
            return DeviceEnd::finished;
        }
        if (!group && (event || paused)) {
            return DeviceEnd::returned;
        }
        if (!event && !paused && done < request.n) {
            t = nrn_threads[0]._t; // a single step starts from it
            if (!host.step(token)) {
                return DeviceEnd::refused;
            }
            ++done;
        }
    }
    return DeviceEnd::finished;
}

bool device_asking() { return device().asking; }

void device_new_run() { device().refusals.clear(); }

DeviceAnswer const& last_device_refusal(char const* kind) {
    static DeviceAnswer const none;
    DeviceAnswer const* const refusal = refusal_of(kind);
    return refusal ? *refusal : none;
}

} // namespace heliox
