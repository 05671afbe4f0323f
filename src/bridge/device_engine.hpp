// Steps by an engine outside this library: who it is, when it is asked, what it answered.
#pragma once

#include "api.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace neuron {
struct model_sorted_token;
}

namespace heliox {

struct DeviceAnswer {
    long done = 0;            // steps; NEURON's memory is as after them
    bool refused = false;     // then code and reason: the rest of the run is the CPU engine's
    bool interrupted = false; // by Ctrl-C
    std::string code, reason; // of a refusal, or of an error after `done` steps
    std::string plan;         // how the engine ran them
    std::string where; // of a single step: the Python statement that asked for it, "file:line"
};

// An error of the device engine; answer: what it had done by then.
struct DeviceFailure : std::runtime_error {
    DeviceFailure(std::string const& text, DeviceAnswer before)
        : std::runtime_error(text), answer(std::move(before)) {}
    DeviceAnswer answer;
};

// kind: "psolve", "continuerun", "fadvance". n: steps wanted from nrn_threads[0]._t on. t_stop: ms, where they lead.
// Fewer steps done: the interpreter must run now (a hoc event), the engine was asked to pause, or the
// next step is the host's. May throw: a DeviceFailure where steps were done before.
using DeviceSteps = std::function<DeviceAnswer(char const* kind, long n, double t_stop)>;

// Empty: no device engine.
HELIOX_API void set_device_steps(DeviceSteps steps);

// Asked by the device engine between windows: Ctrl-C is pending, or continuerun wants to draw.
HELIOX_API bool device_pause();

// Asked by the device engine: its steps go on within a group of psolve's, where NEURON does not look again at what TABLEs
// depend on.
HELIOX_API bool device_group_goes_on();

// The engine's code runs now: the interpreter does not, until it returns.
bool device_asking();

// For engine.cpp: there is an engine, heliox.device allows it, it has not refused this kind of steps in this run, and no setting of
// NEURON's keeps all engines out.
bool device_wanted(char const* kind);
void device_new_run();                                     // it may be asked again
void device_new_group();                                   // psolve begins, maybe within another
DeviceAnswer const& last_device_refusal(char const* kind); // refused is false when there is none

// The engine that does what the device cannot.
class DeviceHost {
  public:
    virtual ~DeviceHost() = default;
    virtual bool step(neuron::model_sorted_token const& token) = 0; // false: it cannot either
    virtual void book(char const* kind, DeviceAnswer const& answer, double seconds,
                      double t_start) = 0;
};

struct DeviceRequest {
    char const* kind; // "psolve", "continuerun", "fadvance"
    long n;           // steps
    double t_stop;    // ms
    double pause_at;  // wall seconds, 0: only for Ctrl-C
};

enum class DeviceEnd {
    refused,  // the rest is the host's
    returned, // the interpreter has run, or wants to: the caller looks again
    finished  // nothing more is to be done
};

// The request's steps by the device engine, with the host's steps and hoc events between its stretches. `done`: how many.
// t is right after them, but for psolve, whose group sets it at its end.
DeviceEnd device_steps(DeviceHost& host, DeviceRequest const& request,
                       neuron::model_sorted_token const& token, long& done, bool& interrupted);

} // namespace heliox
