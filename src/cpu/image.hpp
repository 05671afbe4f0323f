// The frozen model as the CPU engine sees it: plain arrays that point into NEURON's own columns.
//
// Built by src/bridge/freeze.cpp, read by src/cpu/step.cpp. One ThreadImage per NrnThread. Nothing here
// knows NEURON's C++ types; what must run through NEURON (host mechanisms) is a callback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../kernels/abi.h"
#include "tree.hpp"

namespace heliox {

// A mechanism's kernel in this process: shared by all threads (its tables are, as in NEURON).
// It outlives images, so that a table is rebuilt only when NEURON would rebuild its own.
struct KernelUse {
    hx_kernel const* kernel = nullptr;
    std::vector<double> table;
    int checked = -1;     // the secondorder under which it was compared with NEURON's functions
    std::string rejected; // why that comparison failed
};

// An ion mechanism (na_ion, ...): NEURON's ion_cur is done here.
struct IonImage {
    int type = -1;
    std::string name;
    int n = 0;
    double* column[HX_ION_N] = {};
    std::vector<int> nernst;       // instances whose reversal potential follows the concentrations
    std::vector<int> nernst_first; // [n_block + 1] into nernst
    double charge = 0;
    bool lean = false;      // cur and dcurdv may be skipped between the ends of a batch
    std::vector<int> first; // [2 * n_block]: begin of the block's root and non-root instances
    std::vector<int> last;  // [2 * n_block]
};

// One mechanism of one thread, in the thread's order.
struct MechanismImage {
    int type = -1;
    std::string name;
    int n = 0;
    int const* node = nullptr; // [n] NEURON's node rows
    int ion = -1;              // index into ThreadImage::ions when this is an ion mechanism
    KernelUse* use = nullptr;  // compiled kernel, or null
    bool serial_table = false; // NEURON checks its tables at every call
    bool barrier = false;      // runs over all its instances at once, in the thread's order
    bool lean = false;         // nothing observes its assigned columns inside a batch
    hx_args args{};            // everything but t, dt, celsius, flags
    std::vector<double*> column;
    std::vector<double*> ion_column;
    std::vector<std::vector<int>> ion_row;
    std::vector<int const*> ion_row_pointer;
    std::vector<int> ion_image; // [n_ion] index into ThreadImage::ions
    std::vector<std::vector<double*>> pointer;
    std::vector<double* const*> pointer_pointer;
    std::vector<double*> global;
    std::vector<int> row;   // [n] row in the arrays the kernel sees (slot or node)
    int last_instance = -1; // n in the first thread: its instance's GLOBALs are hoc's (HX_LAST)
    std::vector<hx_range> ranges; // of all blocks, in block order
    std::vector<int> range_first; // [n_block + 1]
    // Host: NEURON's current and jacob, and state. The argument is NEURON's sorted-model token.
    std::function<void(void const*)> host_current;
    std::function<void(void const*)> host_state;
};

struct Block {
    int root_begin = 0, root_end = 0; // node rows of the roots
    int begin = 0, end = 0;           // node rows of the other nodes
    int n_slot = 0;
};

struct ThreadImage {
    int id = 0;
    int n_node = 0;
    int n_cell = 0;
    std::unique_ptr<Tree> tree;
    NodeColumns node{};
    Capacitance capacitance{};
    bool lean_capacitance = false; // nothing observes i_cap inside a batch
    std::vector<Block> blocks;
    bool slots = false; // kernels see per-block slot arrays; false: NEURON's node columns
    int max_slot = 0;   // largest n_slot of a block
    std::vector<double> slot_area; // [sum of n_slot] area of each slot
    std::vector<int> slot_first;   // [n_block] into slot_area and slot_node
    std::vector<int> slot_node;    // [sum of n_slot] node row of each slot
    std::vector<int>
        node_slot; // [n_node] slot in the node's block; its n_slot (a zero) without one
    std::vector<int> state_slot;       // slots whose v a state function reads, by block
    std::vector<int> state_slot_first; // [n_block + 1]
    std::vector<IonImage> ions;
    std::vector<MechanismImage> mechanisms;
    std::vector<std::vector<int>> current_stages; // indices into mechanisms; a barrier stands alone
    std::vector<std::vector<int>> state_stages;
};

} // namespace heliox
