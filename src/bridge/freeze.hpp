// Reading NEURON's model into images, and knowing when an image is stale.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../cpu/image.hpp"

struct NrnThread;

namespace neuron {
struct model_sorted_token;
}

namespace heliox {

// How a mechanism runs, for explain() and report().
struct MechanismNote {
    std::string name;
    int type = -1;
    long count = 0;
    std::string
        where; // "compiled", "host" (NEURON's own function inside our step), "neuron" (events)
    std::string code, reason, source;
};

// The frozen model. Immutable but for the tables and NEURON's columns behind the pointers.
struct Model {
    std::vector<ThreadImage> threads;
    std::vector<MechanismNote> notes;
    bool has_serial_tables = false;
    std::vector<KernelUse*> uses; // of the compiled mechanisms, in the order of first use
    long n_node = 0, n_cell = 0;
    int n_thread = 1; // threads of our pool for one NrnThread
    double freeze_seconds = 0, compile_seconds = 0;
    bool has_host = false; // a mechanism with current or state runs on the host
    unsigned generation = 0;

    // What the image was made from; is_current() compares.
    int structure_change = 0;
    int second_order = 0; // METHOD derivimplicit halves dt: what the gate saw holds for this value
    void const* first_thread = nullptr;
};

// Why NEURON must do the whole step itself: "" or a code, with the reason.
struct StepRefusal {
    std::string code, reason;
};
StepRefusal refuse_step();

// Builds the image, with blocks enough for n_thread threads. The model must be sorted (the token proves it).
std::unique_ptr<Model> freeze(neuron::model_sorted_token const& token, int n_thread);

// Structure unchanged and the columns where they were. Cheap: NEURON counts every change of structure, and
// columns only move with one (or when fast_imem is switched).
bool is_current(Model const& model);

// Rebuilds tables whose DEPEND variables changed, where NEURON checks its own.
void check_tables(Model& model);

// The same for mechanisms that are not thread safe: NEURON's functions check at every call.
void check_serial_tables(Model& model);

// What the image copied and NEURON's counters do not show. reread: ion styles and areas (after ion_style or a
// change of diameter). pointers_current: takes POINTERs anew; false when one is no longer set.
void reread(Model& model);
bool pointers_current(Model& model);

// Looks at records, thresholds, pointers and the queue: sets which columns may be lean in the batch that
// starts now; false: none may.
bool find_lean(Model& model);

// Nothing runs between the currents and the states of a step: no continuous play, no scatter callback.
bool nothing_between();

// CVode.extra_scatter_gather has callbacks; a StateTransitionEvent exists.
bool has_scatter_callbacks();
bool has_state_transitions();

// "NaN in v of soma(0.5) at t = ...", with the first variable of a mechanism there that is NaN.
std::string describe_nan(Model const& model, int thread, int block);

// Which section and position a node row of a thread is: "soma(0.5)".
std::string node_name(int thread, int row);

} // namespace heliox
