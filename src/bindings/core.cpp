// heliox_neuron._core: the thin Python layer over libheliox. heliox_neuron/core.py lists the functions.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>

#include "../bridge/columns.hpp"
#include "../bridge/engine.hpp"
#include "../bridge/hooks.hpp"
#include "../bridge/kernel_table.hpp"
#include "../bridge/neuron_model.hpp"
#include "../bridge/version_gate.hpp"
#include "../bridge/watched.hpp"
#include "average.hpp"
#include "device.hpp"

namespace py = pybind11;
using namespace heliox;

namespace {

// Callables live as long as the process: destroying them after Python has gone would crash.
py::object* keep(py::object object) { return new py::object(std::move(object)); }

void set(std::string const& name, py::object const& value) {
    Settings& s = settings();
    if (name == "enable") {
        bool const on = value.cast<bool>();
        if (on && !hooks_installed()) {
            std::string const why = install_hooks();
            if (!why.empty()) {
                warn(why.substr(0, 5), why);
                return;
            }
        }
        s.enable = on ? 1. : 0.;
        enabled_changed();
    } else if (name == "threads") {
        s.threads = value.cast<int>();
    } else if (name == "strict") {
        s.strict = value.cast<bool>();
    } else if (name == "progress") {
        s.progress = value.cast<bool>();
    } else if (name == "device") {
        s.device = value.cast<std::string>();
    } else if (name == "fidelity") {
        s.fidelity = value.cast<std::string>();
    } else if (name == "solver") {
        s.solver = value.cast<std::string>();
    } else if (name == "plan") {
        s.plan = value.cast<std::string>();
    } else {
        throw py::key_error(name);
    }
}

py::object get(std::string const& name) {
    Settings const& s = settings();
    if (name == "enable") {
        return py::bool_(s.enable != 0.);
    }
    if (name == "threads") {
        return py::int_(s.threads);
    }
    if (name == "strict") {
        return py::bool_(s.strict != 0);
    }
    if (name == "progress") {
        return py::bool_(s.progress != 0);
    }
    if (name == "device") {
        return py::str(s.device);
    }
    if (name == "fidelity") {
        return py::str(s.fidelity);
    }
    if (name == "solver") {
        return py::str(s.solver);
    }
    if (name == "plan") {
        return py::str(s.plan);
    }
    throw py::key_error(name);
}

// Python's errors must not pass through NEURON's frames as pybind11 exceptions: they are printed.
template <class Function>
void guarded(Function function) {
    py::gil_scoped_acquire gil;
    try {
        function();
    } catch (py::error_already_set& error) {
        if (error.matches(PyExc_KeyboardInterrupt)) {
            PyErr_SetInterrupt(); // for the interpreter, when it runs again
        } else {
            error.discard_as_unraisable("heliox_neuron callback");
        }
    } catch (py::cast_error const& error) {
        PySys_WriteStderr("heliox_neuron callback: %s\n", error.what());
    }
}

std::string text(py::dict const& answer, char const* key) {
    return answer.contains(key) && !answer[key].is_none() ? py::str(answer[key]).cast<std::string>()
                                                          : "";
}

void use_resolver(py::object callable) {
    if (callable.is_none()) {
        set_resolver(nullptr);
        return;
    }
    py::object* const held = keep(callable);
    set_resolver([held](std::vector<KernelRequest> const& requests) {
        std::vector<KernelAnswer> answers;
        guarded([&] {
            py::list list;
            for (auto const& request: requests) {
                py::object mod = py::none();
                if (request.text) {
                    // MOD files are often Latin-1; the hash is over their bytes
                    mod = py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(
                        request.text, (Py_ssize_t)std::char_traits<char>::length(request.text),
                        "surrogateescape"));
                }
                list.append(py::make_tuple(request.type, request.name, mod));
            }
            for (py::handle item: (*held)(list)) {
                auto const answer = py::reinterpret_borrow<py::dict>(item);
                KernelAnswer result;
                result.name = text(answer, "name");
                result.status = text(answer, "status");
                result.path = text(answer, "path");
                result.code = text(answer, "code");
                result.reason = text(answer, "reason");
                result.cached = answer.contains("cached") && answer["cached"].cast<bool>();
                result.seconds = answer.contains("seconds") ? answer["seconds"].cast<double>() : 0.;
                answers.push_back(std::move(result));
            }
        });
        return answers;
    });
}

void use_warner(py::object callable) {
    py::object* const held = keep(callable);
    callbacks().warn = [held](std::string const& code, std::string const& message) {
        guarded([&] { (*held)(code, message); });
    };
}

void use_progress(py::object callable) {
    py::object* const held = keep(callable);
    callbacks().progress = [held](double t, double t_stop) {
        guarded([&] { (*held)(t, t_stop); });
    };
}

// Ctrl-C: Python's handler only sets a flag. It is taken, and set again when the run has stopped. A handler
// of the user's own may mean something else: then the flag is not touched and runs go on, as in NEURON.
void watch_interrupts() {
    // the C module: a function written in Python would run the pending handler itself
    py::module_ const signals = py::module_::import("_signal");
    py::object* const get = keep(signals.attr("getsignal"));
    py::object* const number = keep(signals.attr("SIGINT"));
    py::object* const standard = keep(signals.attr("default_int_handler"));
    callbacks().interrupted = [=] {
        bool pending = false;
        guarded([&] {
            if ((*get)(*number).is(*standard)) {
                pending = PyOS_InterruptOccurred() != 0;
            }
        });
        return pending;
    };
    callbacks().raise_interrupt = [] { PyErr_SetInterrupt(); };
}

py::object model() {
    Model const* image = current_model();
    StepRefusal const& refusal = last_refusal();
    if (!image && refusal.code.empty()) {
        return py::none();
    }
    py::dict result;
    result["engine"] = refusal.code.empty() ? "cpu" : "neuron";
    result["code"] = refusal.code == "-" ? "" : refusal.code;
    result["reason"] = refusal.reason;
    result["isa"] = isa();
    result["threads"] = engine_threads();
    result["nodes"] = image ? image->n_node : 0;
    result["cells"] = image ? image->n_cell : 0;
    long blocks = 0;
    py::list mechanisms;
    if (image) {
        for (auto const& thread: image->threads) {
            blocks += (long)thread.blocks.size();
        }
        for (auto const& note: image->notes) {
            py::dict entry;
            entry["name"] = note.name;
            entry["type"] = note.type;
            entry["count"] = note.count;
            entry["where"] = note.where;
            entry["code"] = note.code;
            entry["reason"] = note.reason;
            entry["source"] = note.source;
            mechanisms.append(entry);
        }
    }
    result["blocks"] = blocks;
    result["solver"] = image ? solver_text() : "";
    result["mechanisms"] = mechanisms;
    return result;
}

py::list runs() {
    py::list list;
    for (auto const& run: run_records()) {
        py::dict entry;
        entry["kind"] = run.kind;
        entry["t_start"] = run.t_start;
        entry["t_stop"] = run.t_stop;
        entry["steps"] = run.steps;
        entry["seconds"] = run.seconds;
        entry["engine"] = run.engine;
        entry["plan"] = run.plan;
        entry["threads"] = run.threads;
        entry["freeze_seconds"] = run.freeze_seconds;
        entry["compile_seconds"] = run.compile_seconds;
        entry["host_steps"] = run.host_steps;
        entry["host_syncs"] = run.host_syncs;
        entry["where"] = run.where;
        entry["host_calls"] = run.host_mechanisms ? run.steps : 0;
        entry["code"] = run.code == "-" ? "" : run.code;
        entry["reason"] = run.reason;
        list.append(entry);
    }
    return list;
}

py::dict column(std::string const& name) {
    Column const found = find_column(name);
    if (!found.data) {
        throw py::key_error(name);
    }
    py::dict result;
    result["pointer"] = reinterpret_cast<uintptr_t>(found.data);
    result["count"] = found.count;
    result["stride"] = 8 * found.dim;
    result["dim"] = found.dim;
    result["unit"] = found.unit;
    result["owner"] = found.owner;
    result["generation"] = columns_generation();
    return result;
}

} // namespace

PYBIND11_MODULE(_core, m) {
    m.doc() = "The compiled core of HelioX for NEURON.";
    m.def("gate", [] { return version_gate(); });
    m.def("isa", [] { return isa(); });
    m.def("set", &set);
    m.def("get", &get);
    m.def("set_resolver", &use_resolver);
    m.def("set_warner", &use_warner);
    m.def("set_progress", &use_progress);
    m.def("freeze", [] {
        freeze_now();
        return model();
    });
    m.def("model", &model);
    m.def("runs", &runs);
    m.def("clear_runs", [] { run_records().clear(); });
    m.def("column", &column);
    m.def("columns", &column_names);
    m.def("generation", &columns_generation);
    m.def("add_kernel_library", &add_kernel_library);
    m.def("sha256", [](py::bytes const& bytes) {
        std::string const data = bytes;
        return sha256_hex(data.data(), data.size());
    });
    bind_average(m);
    bind_device(m);
    // RT/zF of an ion mechanism [mV] at celsius as it is now
    m.def("device_nernst", [](int type) { return nrn_nernst_coef(type); });
    m.def("device_size", [] { return nrn_threads ? (long)nrn_threads[0].end : 0L; });
    watch_interrupts();
    watch_builtins();
}
