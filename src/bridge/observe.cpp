// What the image copied but NEURON's change counters do not show: pointers, ion styles, areas; and who looks
// at columns during a batch.
#include <algorithm>
#include <cstring>
#include <typeinfo>

#include "average.hpp"
#include "device_decl.hpp"
#include "freeze.hpp"
#include "neuron_model.hpp"
#include "structure.hpp"

namespace heliox {
namespace {

// NEURON's event classes are polymorphic: their dynamic type's name tells them apart without their headers.
struct Polymorphic {
    virtual ~Polymorphic() = default;
};

char const* type_name(void const* object) {
    return typeid(*static_cast<Polymorphic const*>(object)).name();
}

} // namespace

bool has_state_transitions() {
    Symbol* const symbol = hoc_lookup("StateTransitionEvent");
    return symbol && symbol->u.ctemplate && symbol->u.ctemplate->count > 0;
}

namespace {

long hoc_events_; // forall_callback takes a plain function

bool hoc_event_pending() {
    hoc_events_ = 0;
    for (int i = 0; i < nrn_nthread; ++i) {
        if (auto* queue = net_cvode_instance_event_queue(nrn_threads + i)) {
            queue->forall_callback([](TQItem const* item, int) {
                if (item->data && std::strstr(type_name(item->data), "HocEvent")) {
                    ++hoc_events_;
                }
            });
        }
    }
    return hoc_events_ > 0;
}

bool is_voltage(Model const& model, double const* at) {
    return std::any_of(model.threads.begin(), model.threads.end(), [&](ThreadImage const& thread) {
        return at >= thread.node.v && at < thread.node.v + thread.n_node;
    });
}

// Addresses that something outside the kernels reads while a batch runs.
std::vector<double const*> observed_addresses(Model const& model, bool& callbacks) {
    std::vector<double const*> addresses;
    callbacks = hoc_event_pending();
    if (auto* records = net_cvode_instance_prl()) {
        for (auto* record: *records) {
            auto& view = *reinterpret_cast<PlayRecordView*>(record);
            double const* const at = static_cast<double*>(view.variable);
            addresses.push_back(at);
            // A statement ("f($1)") that is played carries some node's v for its variable, a graph's
            // expression none: both read anything.
            bool const statement =
                std::strstr(type_name(record), "VecPlayStep") && is_voltage(model, at);
            callbacks = callbacks || !at || statement;
        }
    }
    if (auto* sources = net_cvode_instance_psl()) {
        for (auto* source: *sources) {
            auto& view = *reinterpret_cast<PreSynView*>(source);
            callbacks = callbacks || view.statement;
            if (view.variable) {
                addresses.push_back(static_cast<double*>(view.variable));
            }
        }
    }
    for (auto const& thread: model.threads) {
        for (auto const& mechanism: thread.mechanisms) {
            for (auto const& targets: mechanism.pointer) {
                addresses.insert(addresses.end(), targets.begin(), targets.end());
            }
        }
    }
    averages_before_steps();
    averages_observed(addresses);
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

bool any_in(std::vector<double const*> const& addresses, double const* begin, size_t n) {
    auto it = std::lower_bound(addresses.begin(), addresses.end(), begin);
    return it != addresses.end() && *it < begin + n;
}

int scatter_calls_;

int count_scatter_call(Object*) {
    ++scatter_calls_;
    return 1;
}

} // namespace

// CVode.extra_scatter_gather keeps its callbacks to itself, but calls them through a pointer of
// neuron::python::methods: for a moment that pointer leads to a counter. (Its place in the structure is
// found by value: NEURON keeps a copy in nrnpy_hoccommand_exec.)
bool has_scatter_callbacks() {
    using Exec = int (*)(Object*);
    constexpr int kPointers = 29;
    if (!nrnpy_hoccommand_exec) {
        return false; // no Python, no callbacks
    }
    if (nrn_nthread > 1) {
        return false; // NEURON raises an error in the step itself if there is one
    }
    Exec* const pointers = reinterpret_cast<Exec*>(&neuron::python::methods);
    Exec* const slot = std::find(pointers, pointers + kPointers, nrnpy_hoccommand_exec);
    if (slot == pointers + kPointers) {
        return true;
    }
    scatter_calls_ = 0;
    Exec const saved = *slot;
    *slot = count_scatter_call;
    nrn_extra_scatter_gather(0, 0);
    *slot = saved;
    return scatter_calls_ > 0;
}

namespace {

// Artificial cells of NEURON itself: their VERBATIM blocks draw random numbers and look at nothing else.
bool trusted(char const* name) {
    static char const* const names[] = {"NetStim", "IntFire1", "IntFire2", "IntFire4"};
    return std::any_of(std::begin(names), std::end(names),
                       [&](char const* known) { return std::strcmp(name, known) == 0; });
}

bool only_trusted_cells() {
    for (int type = 0; type < n_memb_func; ++type) {
        if (nrn_is_artificial_[type] && memb_list[type].nodecount > 0 &&
            !trusted(memb_func[type].sym->name)) {
            return false;
        }
    }
    return true;
}

bool has_before_after() {
    for (int i = 0; i < nrn_nthread; ++i) {
        for (auto* list: nrn_threads[i].tbl) {
            if (list) {
                return true;
            }
        }
    }
    return false;
}

// A mechanism without current and state still has NET_RECEIVE or hoc functions that we did not read.
bool only_known_mechanisms(Model const& model) {
    return std::all_of(model.notes.begin(), model.notes.end(), [](MechanismNote const& note) {
        return note.where != "host" && (note.where != "neuron" || nrn_is_artificial_[note.type] ||
                                        note.name == "morphology");
    });
}

void read_styles(ThreadImage& thread) {
    for (auto& mechanism: thread.mechanisms) {
        if (mechanism.ion < 0) {
            continue;
        }
        IonImage& ion = thread.ions[mechanism.ion];
        Memb_list* const ml = memb_list_of(nrn_threads[thread.id], mechanism.type);
        ion.nernst.clear();
        ion.nernst_first = {0};
        for (size_t part = 0; part < ion.first.size(); ++part) {
            for (int i = ion.first[part]; i < ion.last[part]; ++i) {
                if (ml->pdata[i][0].get<int>() & 0100) {
                    ion.nernst.push_back(i);
                }
            }
            if (part % 2 == 1) {
                ion.nernst_first.push_back((int)ion.nernst.size());
            }
        }
    }
}

void read_areas(ThreadImage& thread) {
    for (size_t i = 0; i < thread.slot_node.size(); ++i) {
        thread.slot_area[i] = thread.node.area[thread.slot_node[i]];
    }
}

} // namespace

void reread(Model& model) {
    for (auto& thread: model.threads) {
        read_styles(thread);
        read_areas(thread);
    }
}

bool pointers_current(Model& model) {
    for (auto& thread: model.threads) {
        for (auto& mechanism: thread.mechanisms) {
            if (!mechanism.use || mechanism.pointer.empty()) {
                continue;
            }
            Memb_list* const ml = memb_list_of(nrn_threads[thread.id], mechanism.type);
            size_t which = 0;
            for (int k = 0; k < nrn_prop_dparam_size_[mechanism.type]; ++k) {
                if (memb_func[mechanism.type].dparam_semantics[k] != -5) {
                    continue;
                }
                auto& targets = mechanism.pointer[which++];
                for (int i = 0; i < mechanism.n; ++i) {
                    targets[i] = ml->pdata[i][k].get<double*>();
                    if (!targets[i]) {
                        return false;
                    }
                }
            }
        }
    }
    return true;
}

bool nothing_between() {
    if (nrnthread_v_transfer_ || nrnthread_vi_compute_) {
        return false;
    }
    if (auto* records = net_cvode_instance_prl()) {
        for (auto* record: *records) {
            if (std::strstr(type_name(record), "VecPlayContinuous")) {
                return false;
            }
        }
    }
    return !has_scatter_callbacks();
}

bool find_lean(Model& model) {
    bool callbacks = false;
    auto const observed = observed_addresses(model, callbacks);
    bool const possible = !callbacks && !has_scatter_callbacks() && !has_state_transitions() &&
                          !model.has_host && !nrnthread_v_transfer_ && only_trusted_cells() &&
                          !has_before_after() && only_known_mechanisms(model);
    for (auto& thread: model.threads) {
        for (auto& ion: thread.ions) {
            ion.lean = possible;
            for (int c: {HX_ION_CUR, HX_ION_DCURDV}) {
                ion.lean = ion.lean && !any_in(observed, ion.column[c], ion.n);
            }
        }
        for (auto& mechanism: thread.mechanisms) {
            if (!mechanism.use) {
                continue;
            }
            hx_kernel const& kernel = *mechanism.use->kernel;
            mechanism.lean = possible && !mechanism.barrier;
            for (int f = 0; f < kernel.n_field && mechanism.lean; ++f) {
                mechanism.lean =
                    !kernel.lean_field[f] || !any_in(observed, mechanism.column[f],
                                                     (size_t)mechanism.n * kernel.field_dim[f]);
            }
            // cur and dcurdv must be whole where somebody reads them (a calcium pool reads ica) or where
            // a mechanism that accumulates into them is not lean itself.
            for (size_t k = 0; k < mechanism.ion_image.size(); ++k) {
                unsigned const currents = 1u << HX_ION_CUR | 1u << HX_ION_DCURDV;
                bool const reads = kernel.ion_read[k] & currents;
                bool const writes = kernel.ion_write[k] & currents;
                if (reads || (writes && !mechanism.lean)) {
                    thread.ions[mechanism.ion_image[k]].lean = false;
                }
            }
        }
        bool const cap_observed = any_in(observed, thread.capacitance.i_cap, thread.capacitance.n);
        thread.lean_capacitance = possible && !cap_observed;
    }
    return possible;
}

} // namespace heliox
