// An engine written in Python that steps for NEURON (src/bridge/device_engine.hpp).
#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>

#include <pybind11/stl.h>

#include "../bridge/device_engine.hpp"
#include "device.hpp"

namespace py = pybind11;
using namespace heliox;

namespace {

// While the engine's Python code runs Ctrl-C is only noted: a KeyboardInterrupt in the middle of it would leave the
// device's state unknown. A handler of the user's own is left alone.
class DeferredInterrupt {
  public:
    DeferredInterrupt() {
        static py::object* const get =
            new py::object(py::module_::import("_signal").attr("getsignal"));
        static py::object* const standard =
            new py::object(py::module_::import("_signal").attr("default_int_handler"));
        seen_ = 0;
        if ((*get)(SIGINT).is(*standard)) {
            struct sigaction ours{};
            ours.sa_handler = [](int) { seen_ = 1; };
            sigemptyset(&ours.sa_mask);
            active_ = sigaction(SIGINT, &ours, &before_) == 0;
        }
    }
    ~DeferredInterrupt() {
        if (active_) {
            sigaction(SIGINT, &before_, nullptr);
        }
    }
    DeferredInterrupt(DeferredInterrupt const&) = delete;
    DeferredInterrupt& operator=(DeferredInterrupt const&) = delete;
    static bool seen() { return seen_ != 0; }

  private:
    static std::sig_atomic_t volatile seen_;
    bool active_ = false;
    struct sigaction before_{};
};
std::sig_atomic_t volatile DeferredInterrupt::seen_ = 0;

DeviceAnswer answer_of(py::object const& result, long n) {
    DeviceAnswer answer;
    if (py::isinstance<py::tuple>(result)) {
        auto const pair = result.cast<std::pair<std::string, std::string>>();
        answer.refused = true;
        answer.code = pair.first;
        answer.reason = pair.second;
        return answer;
    }
    answer.done = result.cast<long>();
    if (answer.done < 0 || answer.done > n) {
        throw std::runtime_error("the device engine did " + std::to_string(answer.done) + " of " +
                                 std::to_string(n) + " steps");
    }
    return answer;
}

// The Python statement that runs now; "hoc" where none does.
std::string where() {
    PyFrameObject* const frame = PyEval_GetFrame(); // borrowed
    if (!frame) {
        return "hoc";
    }
    auto const code =
        py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    return py::str(code.attr("co_filename")).cast<std::string>() + ":" +
           std::to_string(PyFrame_GetLineNumber(frame));
}

// What the engine did before its error, with the error's code and text for the report.
DeviceAnswer done_before(py::object const& engine, py::error_already_set const& error) {
    DeviceAnswer answer;
    answer.done = py::getattr(engine, "done", py::int_(0)).cast<long>();
    answer.plan = py::str(py::getattr(engine, "plan", py::str(""))).cast<std::string>();
    answer.code = py::str(py::getattr(error.value(), "code", py::str(""))).cast<std::string>();
    answer.reason = py::str(error.value()).cast<std::string>();
    answer.reason.resize(std::min(answer.reason.find('\n'), answer.reason.size()));
    return answer;
}

// Python's errors go through NEURON as hoc errors do: std::runtime_error is the base of those.
DeviceAnswer ask(py::object const& engine, char const* kind, long n, double t_stop) {
    py::gil_scoped_acquire gil;
    try {
        DeferredInterrupt const interrupt;
        std::string const asked_from = kind == std::string("fadvance") ? where() : "";
        DeviceAnswer answer = answer_of(engine.attr("steps")(kind, n, t_stop), n);
        answer.where = asked_from;
        answer.plan = py::str(py::getattr(engine, "plan", py::str(""))).cast<std::string>();
        answer.interrupted = DeferredInterrupt::seen();
        return answer;
    } catch (py::error_already_set& error) {
        std::string const text = error.what();
        DeviceAnswer const before = done_before(engine, error);
        error.discard_as_unraisable("heliox_neuron device engine");
        throw DeviceFailure(text.substr(0, text.find("\n\nAt:")), before);
    }
}

void set_engine(py::object const& engine) {
    if (engine.is_none()) {
        set_device_steps(nullptr);
        return;
    }
    // lives as long as the process: destroying it after Python has gone would crash
    auto* const held = new py::object(engine);
    set_device_steps(
        [held](char const* kind, long n, double t_stop) { return ask(*held, kind, n, t_stop); });
}

} // namespace

void bind_device_engine(py::module_& m) {
    m.def("set_device_engine", &set_engine);
    m.def("device_group_goes_on", &device_group_goes_on);
    m.def("device_pause", [] { return DeferredInterrupt::seen() || device_pause(); });
}
