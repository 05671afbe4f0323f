#include "hoc_object.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string>

#include "engine_entry.hpp"
#include "hoc_procedure.hpp"
#include "nrn_decl.hpp"

namespace heliox {
namespace {

char const* const TEMPLATE = R"hoc(
begintemplate HelioX
public enable, device, fidelity, strict, threads, progress
public report, explain, verify, variable
strdef device, fidelity
proc init() {
    enable = 0
    strict = 0
    threads = 0
    progress = 0
    device = "auto"
    fidelity = "exact"
}
proc report() { heliox_report_() }
proc explain() { heliox_explain_() }
proc verify() { heliox_verify_() }
func variable() { return heliox_variable_() }
endtemplate HelioX
objref heliox
heliox = new HelioX()
)hoc";

void print(std::string const& text) {
    std::fputs(text.c_str(), stdout);
    if (text.empty() || text.back() != '\n') {
        std::fputc('\n', stdout);
    }
    std::fflush(stdout);
    hoc_retpushx(0.);
}
void report() { print(engine_report_text()); }
void explain() {
    read_hoc_object();
    print(engine_explain_text());
}
void verify() {
    read_hoc_object();
    print(engine_verify_text());
}
void variable() {
    hoc_execerror("HX080 heliox.variable() needs Python: import heliox_neuron there.", nullptr);
}

VoidFunc functions[] = {{"heliox_report_", report},
                        {"heliox_explain_", explain},
                        {"heliox_verify_", verify},
                        {"heliox_variable_", variable},
                        {nullptr, nullptr}};

// Where the members of the one object lie. It is referenced from here, so they stay.
struct Members {
    double *strict = nullptr, *threads = nullptr, *progress = nullptr;
    char **device = nullptr, **fidelity = nullptr;
} members;

Symbol* member(Object const* object, char const* name) {
    return hoc_table_lookup(name, object->ctemplate->symtable);
}

double*& number(Object* object, char const* name) {
    return object->u.dataspace[member(object, name)->u.oboff].pval;
}

char** text(Object* object, char const* name) {
    return object->u.dataspace[member(object, name)->u.oboff].ppstr;
}

std::string lower(char const* word) {
    std::string result(word ? word : "");
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

[[noreturn]] void refuse(std::string const& message) { hoc_execerror(message.c_str(), nullptr); }

std::string checked_device(char const* wanted) {
    std::string const word = lower(wanted);
    if (word == "gpu" || word == "cuda") {
        refuse("HX031 heliox.device = \"" + word +
               "\" but this version has no GPU engine. Use \"auto\" or \"cpu\".");
    }
    if (word != "auto" && word != "cpu" && word != "neuron") {
        refuse(std::string("HX030 heliox.device = \"") + wanted +
               "\": use one of \"auto\", \"cpu\", \"neuron\".");
    }
    return word;
}

std::string checked_fidelity(char const* wanted) {
    std::string const word = lower(wanted);
    if (word != "exact" && word != "fast") {
        refuse(std::string("HX081 heliox.fidelity = \"") + wanted +
               "\": use one of \"exact\", \"fast\".");
    }
    return word;
}

int checked_threads(double wanted) {
    if (!(wanted >= 0 && wanted < 1e6) || wanted != static_cast<int>(wanted)) {
        char digits[32];
        std::snprintf(digits, sizeof(digits), "%g", wanted);
        refuse(std::string("HX081 heliox.threads = ") + digits +
               ": use a whole number, 0 for the default.");
    }
    return static_cast<int>(wanted);
}

} // namespace

void define_hoc_object() {
    if (members.device || hoc_table_lookup("heliox", hoc_top_level_symlist) ||
        hoc_table_lookup("HelioX", hoc_top_level_symlist)) {
        return;
    }
    // templates see built-in names only
    Symlist* const names = hoc_symlist;
    hoc_symlist = hoc_built_in_symlist;
    hoc_register_var(nullptr, nullptr, functions);
    hoc_symlist = names;
    if (!run_hoc(TEMPLATE)) {
        return;
    }
    Symbol const* name = hoc_table_lookup("heliox", hoc_top_level_symlist);
    Object* const object = hoc_top_level_data[name->u.oboff].pobj[0];
    hoc_obj_ref(object); // for good: hoc must not free what we point to, or settings_ itself
    number(object, "enable") = &settings_.enable;
    members.strict = number(object, "strict");
    members.threads = number(object, "threads");
    members.progress = number(object, "progress");
    members.fidelity = text(object, "fidelity");
    members.device = text(object, "device");
}

void read_hoc_object() {
    if (!members.device) {
        return;
    }
    settings_.strict = *members.strict != 0.;
    settings_.progress = *members.progress != 0.;
    if (settings_.threads != *members.threads) {
        settings_.threads = checked_threads(*members.threads);
    }
    if (settings_.device != *members.device) {
        settings_.device = checked_device(*members.device);
    }
    if (settings_.fidelity != *members.fidelity) {
        settings_.fidelity = checked_fidelity(*members.fidelity);
    }
}

} // namespace heliox
