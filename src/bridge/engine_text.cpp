// heliox.report(), explain() and verify() for NEURON without Python: plain text.
#include <cstdarg>
#include <cstdio>

#include "engine.hpp"
#include "engine_entry.hpp"
#include "kernel_table.hpp"

namespace heliox {
namespace {

std::string line(char const* format, ...) __attribute__((format(printf, 1, 2)));
std::string line(char const* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

std::string mechanisms(Model const& model) {
    std::string text;
    for (auto const& note: model.notes) {
        text +=
            line("  %-20s %8ld  %-8s %s%s%s\n", note.name.c_str(), note.count, note.where.c_str(),
                 note.code.c_str(), note.code.empty() ? "" : " ", note.reason.c_str());
    }
    return text;
}

} // namespace

std::string engine_report_text() {
    std::string text =
        line("HelioX for NEURON, %s\n", isa().empty() ? "no kernels" : isa().c_str());
    if (run_records().empty()) {
        return text + "  nothing has run yet\n";
    }
    for (auto const& run: run_records()) {
        text += line("  %-12s %-7s t %g to %g ms, %ld steps, %.3f s, %d thread%s %s\n",
                     run.kind.c_str(), run.engine.c_str(), run.t_start, run.t_stop, run.steps,
                     run.seconds, run.threads, run.threads == 1 ? "" : "s",
                     run.code == "-" ? "" : run.code.c_str());
    }
    if (auto const* model = current_model()) {
        text += mechanisms(*model);
    }
    return text;
}

std::string engine_explain_text() {
    freeze_now();
    if (!last_refusal().code.empty()) {
        return line("NEURON itself would run this model: %s %s\n", last_refusal().code.c_str(),
                    last_refusal().reason.c_str());
    }
    auto const* model = current_model();
    return model ? line("%ld nodes, %ld cells, %d threads\n", model->n_node, model->n_cell,
                        engine_threads()) +
                       mechanisms(*model)
                 : std::string("there is no model\n");
}

std::string engine_verify_text() {
    return "heliox.verify() needs Python: python -m heliox_neuron --verify script\n";
}

} // namespace heliox
