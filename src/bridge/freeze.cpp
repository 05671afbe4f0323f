#include "freeze.hpp"

#include <section_fwd.hpp>

#include <algorithm>
#include <cstring>
#include <map>

#include "clock.hpp"
#include "gate.hpp"
#include "kernel_table.hpp"
#include "neuron_model.hpp"
#include "watched.hpp"

extern int section_count;
extern Section** secorder;

namespace heliox {
namespace {

constexpr int kMinConsecutive = 12; // shorter runs are cheaper through the index arrays
// What a block of cells may touch. More than a usual L2 (1 to 2 MB), because eight cells of equal shape make
// the tree solver's lanes; measured on 20 and 500 cells (benchmarks/simulation.py).
constexpr size_t kBlockBytes = 2 * 1024 * 1024;

unsigned generation_ = 0;

// Names of a mechanism's columns, in NEURON's order: fixed for the life of the process.
std::vector<std::string> const& field_names(int type) {
    static std::map<int, std::vector<std::string>> known;
    auto it = known.find(type);
    if (it != known.end()) {
        return it->second;
    }
    std::vector<std::string> names;
    int const n = neuron::mechanism::get_field_count<double>(type);
    auto* columns = neuron::mechanism::get_data_ptrs<double>(type);
    for (int i = 0; i < n; ++i) {
        auto info = neuron::container::utils::find_container_info(columns[i]);
        names.push_back(info ? std::string(info->field()) : std::string());
    }
    return known.emplace(type, std::move(names)).first->second;
}

double* column_of(Memb_list& ml, int type, std::string const& name, int dim) {
    auto const& names = field_names(type);
    auto const* dims = neuron::mechanism::get_array_dims<double>(type);
    for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name && dims[i] == dim) {
            return neuron::mechanism::get_data_ptrs<double>(type)[i] +
                   ml.get_storage_offset() * dim;
        }
    }
    return nullptr;
}

std::string missing_column(Memb_list& ml, int type, hx_kernel const& kernel) {
    for (int i = 0; i < kernel.n_field; ++i) {
        if (!column_of(ml, type, kernel.field[i], kernel.field_dim[i])) {
            return kernel.field[i];
        }
    }
    return "";
}

int ion_type(char const* name) {
    for (int type = 0; type < n_memb_func; ++type) {
        if (memb_func[type].sym && std::strcmp(memb_func[type].sym->name, name) == 0) {
            return nrn_is_ion(type) ? type : -1;
        }
    }
    return -1;
}

// dparam index of the first datum that refers to this ion, or -1.
int ion_datum(int type, int ion) {
    for (int k = 0; k < nrn_prop_dparam_size_[type]; ++k) {
        int const semantics = memb_func[type].dparam_semantics[k];
        if (nrn_semantics_is_ion(semantics) && nrn_semantics_ion_type(semantics) == ion) {
            return k;
        }
    }
    return -1;
}

// Row of each instance's ion inside the thread's ion columns.
bool read_ion_rows(neuron::model_sorted_token const& token, Memb_list& ml, int type,
                   IonImage const& ion, std::vector<int>& rows) {
    int const k = ion_datum(type, ion.type);
    if (k < 0) {
        return false;
    }
    double* const* pointers =
        neuron::mechanism::_get::_pdata_ptr_cache_data(token, type).at(k) + ml.get_storage_offset();
    rows.resize(ml.nodecount);
    for (int c = 0; c < HX_ION_N && ml.nodecount > 0; ++c) {
        double* const base = ion.column[c];
        if (pointers[0] < base || pointers[0] >= base + ion.n) {
            continue;
        }
        for (int i = 0; i < ml.nodecount; ++i) {
            auto const row = pointers[i] - base;
            if (row < 0 || row >= ion.n) {
                return false;
            }
            rows[i] = (int)row;
        }
        return true;
    }
    return ml.nodecount == 0;
}

bool read_pointers(Memb_list& ml, int type, MechanismImage& mechanism) {
    for (int k = 0; k < nrn_prop_dparam_size_[type]; ++k) {
        if (memb_func[type].dparam_semantics[k] != -5) {
            continue;
        }
        std::vector<double*> targets(ml.nodecount);
        for (int i = 0; i < ml.nodecount; ++i) {
            targets[i] = ml.pdata[i][k].get<double*>();
            if (!targets[i]) {
                return false;
            }
        }
        mechanism.pointer.push_back(std::move(targets));
    }
    for (auto& targets: mechanism.pointer) {
        mechanism.pointer_pointer.push_back(targets.data());
    }
    return true;
}

IonImage read_ion(Memb_list& ml, int type) {
    IonImage ion;
    ion.type = type;
    ion.name = memb_func[type].sym->name;
    ion.n = ml.nodecount;
    for (int c = 0; c < HX_ION_N; ++c) {
        ion.column[c] = neuron::mechanism::get_data_ptrs<double>(type)[c] + ml.get_storage_offset();
    }
    ion.charge = nrn_ion_charge(memb_func[type].sym);
    return ion;
}

// Binds a kernel to the columns of one thread's instances. Empty string, or why it cannot be.
std::string bind(neuron::model_sorted_token const& token, ThreadImage& thread, Memb_list& ml,
                 MechanismImage& mechanism) {
    hx_kernel const& kernel = *mechanism.use->kernel;
    if (auto const name = missing_column(ml, mechanism.type, kernel); !name.empty()) {
        return "NEURON's mechanism has no column " + name;
    }
    for (int i = 0; i < kernel.n_field; ++i) {
        mechanism.column.push_back(
            column_of(ml, mechanism.type, kernel.field[i], kernel.field_dim[i]));
    }
    for (int k = 0; k < kernel.n_ion; ++k) {
        int const type = ion_type(kernel.ion[k]);
        IonImage const* ion = nullptr;
        for (auto const& candidate: thread.ions) {
            ion = candidate.type == type ? &candidate : ion;
        }
        mechanism.ion_row.emplace_back();
        if (!ion || !read_ion_rows(token, ml, mechanism.type, *ion, mechanism.ion_row.back())) {
            return std::string("its ") + kernel.ion[k] + " columns were not found";
        }
        mechanism.ion_image.push_back(int(ion - thread.ions.data()));
        mechanism.ion_column.insert(mechanism.ion_column.end(), ion->column,
                                    ion->column + HX_ION_N);
    }
    for (auto& rows: mechanism.ion_row) {
        mechanism.ion_row_pointer.push_back(rows.data());
    }
    if (kernel.n_pointer && !read_pointers(ml, mechanism.type, mechanism)) {
        return "a POINTER is not set";
    }
    for (int k = 0; k < kernel.n_global; ++k) {
        Symbol* symbol = hoc_lookup(kernel.global[k]);
        if (!symbol || symbol->subtype != USERDOUBLE || !symbol->u.pval) {
            return std::string("its global ") + kernel.global[k] + " was not found";
        }
        mechanism.global.push_back(symbol->u.pval);
    }
    hx_args& args = mechanism.args;
    args.column = mechanism.column.data();
    args.ion_column = mechanism.ion_column.data();
    args.ion_row = mechanism.ion_row_pointer.data();
    args.pointer = mechanism.pointer_pointer.data();
    args.global = mechanism.global.data();
    args.table = mechanism.use->table.data();
    args.hoc_exp = hoc_Exp;
    return "";
}

// Kernels and their tables live as long as the process: NEURON's tables do.
std::map<std::pair<int, hx_kernel const*>, std::unique_ptr<KernelUse>> uses_;

KernelUse* use_of(Model& model, int type, hx_kernel const* kernel) {
    auto& use = uses_[{type, kernel}];
    if (!use) {
        use = std::make_unique<KernelUse>();
        use->kernel = kernel;
        use->table.assign(kernel->table_size, 0.0);
    }
    if (std::find(model.uses.begin(), model.uses.end(), use.get()) == model.uses.end()) {
        model.uses.push_back(use.get());
    }
    return use.get();
}

// Instances of the block: those of its roots, then those of its other nodes. Node rows ascend.
std::pair<int, int> instances(int const* node, int n, int begin, int end) {
    return {int(std::lower_bound(node, node + n, begin) - node),
            int(std::lower_bound(node, node + n, end) - node)};
}

void add_ranges(MechanismImage& mechanism, int begin, int end) {
    auto joins = [&](int i) {
        if (mechanism.row[i] != mechanism.row[i - 1] + 1) {
            return false;
        }
        for (auto const& rows: mechanism.ion_row) {
            if (rows[i] != rows[i - 1] + 1) {
                return false;
            }
        }
        return true;
    };
    int indexed = begin; // start of instances not yet covered
    int i = begin;
    while (i < end) {
        int run = i + 1;
        while (run < end && joins(run)) {
            ++run;
        }
        if (run - i >= kMinConsecutive) {
            if (indexed < i) {
                mechanism.ranges.push_back({indexed, i, 0});
            }
            mechanism.ranges.push_back({i, run, 1});
            indexed = run;
        }
        i = run;
    }
    if (indexed < end) {
        mechanism.ranges.push_back({indexed, end, 0});
    }
}

void lay_ranges(ThreadImage const& thread, MechanismImage& mechanism) {
    mechanism.ranges.clear();
    mechanism.range_first = {0};
    for (auto const& block: thread.blocks) {
        auto const roots = instances(mechanism.node, mechanism.n, block.root_begin, block.root_end);
        auto const others = instances(mechanism.node, mechanism.n, block.begin, block.end);
        add_ranges(mechanism, roots.first, roots.second);
        add_ranges(mechanism, others.first, others.second);
        mechanism.range_first.push_back((int)mechanism.ranges.size());
    }
    mechanism.args.node_row = mechanism.row.data();
    mechanism.last_instance = thread.id == 0 ? mechanism.n : -1;
}

void lay_ion(ThreadImage const& thread, MechanismImage const& mechanism, IonImage& ion) {
    for (auto const& block: thread.blocks) {
        auto const roots = instances(mechanism.node, mechanism.n, block.root_begin, block.root_end);
        auto const others = instances(mechanism.node, mechanism.n, block.begin, block.end);
        ion.first.push_back(roots.first);
        ion.last.push_back(roots.second);
        ion.first.push_back(others.first);
        ion.last.push_back(others.second);
    }
}

// Slots: a block's nodes that carry a mechanism, in node order. Zero-area end nodes of sections carry
// none, so that the instances of a density mechanism become long runs of consecutive slots.
void make_slots(ThreadImage& thread) {
    std::vector<char> used(thread.n_node, 0);
    for (auto const& mechanism: thread.mechanisms) {
        for (int i = 0; i < mechanism.n; ++i) {
            used[mechanism.node[i]] = 1;
        }
    }
    for (int i = 0; i < thread.capacitance.n; ++i) {
        used[thread.capacitance.node[i]] = 1;
    }
    thread.node_slot.assign(thread.n_node, 0);
    for (auto& block: thread.blocks) {
        thread.slot_first.push_back((int)thread.slot_node.size());
        auto add = [&](int begin, int end) {
            for (int node = begin; node < end; ++node) {
                if (used[node]) {
                    thread.node_slot[node] = block.n_slot++;
                    thread.slot_node.push_back(node);
                    thread.slot_area.push_back(thread.node.area[node]);
                }
            }
        };
        add(block.root_begin, block.root_end);
        add(block.begin, block.end);
        auto point_to_zero = [&](int begin, int end) {
            for (int node = begin; node < end; ++node) {
                if (!used[node]) {
                    thread.node_slot[node] = block.n_slot;
                }
            }
        };
        point_to_zero(block.root_begin, block.root_end);
        point_to_zero(block.begin, block.end);
        thread.max_slot = std::max(thread.max_slot, block.n_slot);
    }
    for (auto& mechanism: thread.mechanisms) {
        if (mechanism.use) {
            for (int i = 0; i < mechanism.n; ++i) {
                mechanism.row[i] = thread.node_slot[mechanism.node[i]];
            }
        }
    }
}

// The slots that state functions look at: often few (active spots in a passive tree).
void list_state_slots(ThreadImage& thread) {
    std::vector<char> read(thread.slot_node.size(), 0);
    for (auto const& mechanism: thread.mechanisms) {
        if (!mechanism.use || !mechanism.use->kernel->state) {
            continue;
        }
        for (size_t b = 0; b < thread.blocks.size(); ++b) {
            for (int r = mechanism.range_first[b]; r < mechanism.range_first[b + 1]; ++r) {
                for (int i = mechanism.ranges[r].begin; i < mechanism.ranges[r].end; ++i) {
                    read[thread.slot_first[b] + mechanism.row[i]] = 1;
                }
            }
        }
    }
    thread.state_slot_first = {0};
    for (size_t b = 0; b < thread.blocks.size(); ++b) {
        for (int slot = 0; slot < thread.blocks[b].n_slot; ++slot) {
            if (read[thread.slot_first[b] + slot]) {
                thread.state_slot.push_back(slot);
            }
        }
        thread.state_slot_first.push_back((int)thread.state_slot.size());
    }
}

// Splits the thread's order into stages that can go block by block, with barriers between.
void make_stages(ThreadImage& thread) {
    auto split = [&](std::vector<std::vector<int>>& stages, bool current) {
        bool open = false;
        for (size_t i = 0; i < thread.mechanisms.size(); ++i) {
            auto const& mechanism = thread.mechanisms[i];
            bool const runs = mechanism.ion >= 0 ? current
                              : mechanism.use
                                  ? (current ? mechanism.use->kernel->current
                                             : mechanism.use->kernel->state) != nullptr
                                  : (bool)(current ? mechanism.host_current : mechanism.host_state);
            if (!runs) {
                continue;
            }
            if (mechanism.barrier) {
                stages.push_back({(int)i});
                open = false;
            } else if (open) {
                stages.back().push_back((int)i);
            } else {
                stages.push_back({(int)i});
                open = true;
            }
        }
    };
    split(thread.current_stages, true);
    split(thread.state_stages, false);
    // Slots need every mechanism to look at its own block only, in the currents and in the states.
    thread.slots = std::none_of(thread.mechanisms.begin(), thread.mechanisms.end(),
                                [](MechanismImage const& m) { return m.barrier; });
}

void read_nodes(NrnThread& nt, ThreadImage& thread) {
    thread.id = nt.id;
    thread.n_node = nt.end;
    thread.n_cell = nt.ncell;
    NodeColumns& node = thread.node;
    node.ncell = nt.ncell;
    node.n_node = nt.end;
    node.parent = nt._v_parent_index;
    node.a = nt.node_a_storage();
    node.b = nt.node_b_storage();
    node.area = nt.node_area_storage();
    node.v = nt.node_voltage_storage();
    node.rhs = nt.node_rhs_storage();
    node.d = nt.node_d_storage();
    node.sav_rhs = nt.node_sav_rhs_storage();
    node.sav_d = nt.node_sav_d_storage();
}

void read_capacitance(Memb_list& ml, ThreadImage& thread) {
    Capacitance& cap = thread.capacitance;
    cap.n = ml.nodecount;
    cap.node = ml.nodeindices;
    cap.cm = neuron::mechanism::get_data_ptrs<double>(CAP)[0] + ml.get_storage_offset();
    cap.i_cap = neuron::mechanism::get_data_ptrs<double>(CAP)[1] + ml.get_storage_offset();
}

size_t bytes_per_node(ThreadImage const& thread, NrnThread& nt) {
    size_t doubles = 8 * (size_t)thread.n_node;
    for (auto* tml = nt.tml; tml; tml = tml->next) {
        doubles += (size_t)tml->ml->nodecount * field_names(tml->index).size();
    }
    return thread.n_node ? 1 + 8 * doubles / thread.n_node : 8;
}

void make_blocks(ThreadImage& thread, NrnThread& nt, int n_thread) {
    Capacitance const& cap = thread.capacitance;
    thread.tree =
        std::make_unique<Tree>(thread.n_cell, thread.n_node, nt._v_parent_index, cap.n, cap.node);
    thread.tree->choose_blocks(kBlockBytes, bytes_per_node(thread, nt),
                               n_thread > 1 ? 2 * n_thread : 1);
    for (int i = 0; i < thread.tree->n_block(); ++i) {
        Block block;
        block.root_begin = thread.tree->root_rows(i).begin;
        block.root_end = thread.tree->root_rows(i).end;
        block.begin = thread.tree->rows(i).begin;
        block.end = thread.tree->rows(i).end;
        thread.blocks.push_back(std::move(block));
    }
}

struct Plan {
    KernelChoice choice;
    std::string code, reason;
};

// Which types are in use, and what runs each.
std::map<int, Plan> plan_kernels(Model& model) {
    std::map<int, long> counts;
    for (int i = 0; i < nrn_nthread; ++i) {
        for (auto* tml = nrn_threads[i].tml; tml; tml = tml->next) {
            counts[tml->index] += tml->ml->nodecount;
        }
    }
    std::vector<KernelRequest> requests;
    for (auto const& [type, count]: counts) {
        if (type == CAP || nrn_is_ion(type) ||
            (!memb_func[type].current && !memb_func[type].state)) {
            continue;
        }
        requests.push_back({type, memb_func[type].sym->name, nrn_nmodl_text_[type]});
    }
    double const started = wall_seconds();
    auto const choices = choose_kernels(requests);
    bool const compiled =
        std::any_of(choices.begin(), choices.end(),
                    [](KernelChoice const& choice) { return choice.seconds > 0; });
    model.compile_seconds = compiled ? wall_seconds() - started : 0;
    std::map<int, Plan> plans;
    for (size_t i = 0; i < requests.size(); ++i) {
        plans[requests[i].type] = {choices[i], choices[i].code, choices[i].reason};
    }
    return plans;
}

void make_host(NrnThread& nt, Memb_list* ml, MechanismImage& mechanism) {
    int const type = mechanism.type;
    NrnThread* const thread = &nt;
    mechanism.barrier = true;
    mechanism.use = nullptr;
    using Token = neuron::model_sorted_token;
    if (auto const current = memb_func[type].current) {
        auto const jacob = memb_func[type].jacob;
        mechanism.host_current = [=](void const* token) {
            current(*static_cast<Token const*>(token), thread, ml, type);
            if (jacob) {
                jacob(*static_cast<Token const*>(token), thread, ml, type);
            }
        };
    }
    if (auto const state = memb_func[type].state) {
        mechanism.host_state = [=](void const* token) {
            state(*static_cast<Token const*>(token), thread, ml, type);
        };
    }
}

void read_mechanisms(neuron::model_sorted_token const& token, Model& model, NrnThread& nt,
                     ThreadImage& thread, std::map<int, Plan>& plans) {
    for (auto* tml = nt.tml; tml; tml = tml->next) {
        if (nrn_is_ion(tml->index)) {
            thread.ions.push_back(read_ion(*tml->ml, tml->index));
        }
    }
    int next_ion = 0;
    for (auto* tml = nt.tml; tml; tml = tml->next) {
        int const type = tml->index;
        Memb_list& ml = *tml->ml;
        if (type == CAP) {
            read_capacitance(ml, thread);
            continue;
        }
        MechanismImage mechanism;
        mechanism.type = type;
        mechanism.name = memb_func[type].sym->name;
        mechanism.n = ml.nodecount;
        mechanism.node = ml.nodeindices;
        if (nrn_is_ion(type)) {
            mechanism.ion = next_ion++;
        } else if (memb_func[type].current || memb_func[type].state) {
            Plan& plan = plans[type];
            if (plan.choice.kernel && plan.code.empty()) {
                mechanism.use = use_of(model, type, plan.choice.kernel);
                if (!mechanism.use->rejected.empty()) {
                    plan.code = "HX026";
                    plan.reason = mechanism.use->rejected;
                }
            }
            if (plan.choice.kernel && plan.code.empty()) {
                mechanism.row.assign(ml.nodeindices, ml.nodeindices + ml.nodecount);
                std::string why = bind(token, thread, ml, mechanism);
                if (!why.empty()) {
                    plan.code = "HX022";
                    plan.reason = why;
                }
            }
            if (!plan.choice.kernel || !plan.code.empty()) {
                make_host(nt, &ml, mechanism);
            } else {
                unsigned const coupled = HX_TRAIT_READS_POINTER | HX_TRAIT_WRITES_POINTER;
                mechanism.barrier = (plan.choice.kernel->traits & coupled) != 0;
            }
        }
        thread.mechanisms.push_back(std::move(mechanism));
    }
}

void write_notes(Model& model, std::map<int, Plan> const& plans) {
    std::map<int, long> counts;
    for (int i = 0; i < nrn_nthread; ++i) {
        for (auto* tml = nrn_threads[i].tml; tml; tml = tml->next) {
            counts[tml->index] += tml->ml->nodecount;
        }
    }
    for (auto const& [type, count]: counts) {
        MechanismNote note;
        note.name = memb_func[type].sym->name;
        note.type = type;
        note.count = count;
        note.where = "compiled";
        auto it = plans.find(type);
        if (it == plans.end()) {
            note.source = "engine";
            if (type != CAP && !nrn_is_ion(type)) {
                note.where = "neuron"; // no current and no state: nothing to run in a step
            }
        } else if (it->second.choice.kernel && it->second.code.empty()) {
            note.source = it->second.choice.source;
        } else {
            note.where = "host";
            note.code = it->second.code;
            note.reason = it->second.reason;
            model.has_host = true;
        }
        model.notes.push_back(note);
    }
    for (int type = 0; type < n_memb_func; ++type) {
        if (nrn_is_artificial_[type] && memb_list[type].nodecount > 0) {
            MechanismNote note;
            note.name = memb_func[type].sym->name;
            note.type = type;
            note.count = memb_list[type].nodecount;
            note.where = "neuron";
            note.source = "event queue";
            model.notes.push_back(note);
        }
    }
}

} // namespace

StepRefusal refuse_step() {
    if (cvode_active_) {
        return {"HX040", "the variable step method is active (cvode.active)"};
    }
    if (nrn_multisplit_setup_) {
        return {"HX044", "cells are split over threads (multisplit)"};
    }
    if (neuron::interleave_permute_type) {
        return {"HX045", "pc.optimize_node_order permuted the nodes"};
    }
    if (uses_old_point_sources()) {
        return {"HX046", "fstim, fsyn or fclamp is in use"};
    }
    for (int i = 0; i < nrn_nthread; ++i) {
        if (nrn_threads[i]._ecell_memb_list) {
            return {"HX041", "extracellular is inserted"};
        }
    }
    if (!nrndae_list_is_empty()) {
        return {"HX042", "a LinearMechanism is in the model"};
    }
    if (use_sparse13) {
        return {"HX042", "the general sparse matrix solver is in use"};
    }
    if (nrn_nonvint_block) {
        return {"HX043", "rxd solves its own equations inside the step"};
    }
    return {};
}

std::unique_ptr<Model> freeze(neuron::model_sorted_token const& token, int n_thread) {
    double const started = wall_seconds();
    auto model = std::make_unique<Model>();
    model->n_thread = n_thread;
    auto plans = plan_kernels(*model);
    // A mechanism that differs from NEURON's own function goes to the host: read again without it.
    for (bool settled = false; !settled;) {
        model->threads.clear();
        model->uses.clear();
        model->threads.resize(nrn_nthread);
        for (int i = 0; i < nrn_nthread; ++i) {
            ThreadImage& thread = model->threads[i];
            read_nodes(nrn_threads[i], thread);
            read_mechanisms(token, *model, nrn_threads[i], thread, plans);
            make_blocks(thread, nrn_threads[i], n_thread);
        }
        settled = true;
        for (auto const& [type, why]: gate_new_kernels(*model, token)) {
            plans[type].code = "HX026";
            plans[type].reason = why;
            settled = false;
        }
    }
    for (auto& thread: model->threads) {
        make_stages(thread);
        if (thread.slots) {
            make_slots(thread);
        }
        for (auto& mechanism: thread.mechanisms) {
            if (mechanism.ion >= 0) {
                lay_ion(thread, mechanism, thread.ions[mechanism.ion]);
            } else if (mechanism.use) {
                lay_ranges(thread, mechanism);
            }
        }
        if (thread.slots) {
            list_state_slots(thread);
        }
        model->n_node += thread.n_node;
        model->n_cell += thread.n_cell;
    }
    write_notes(*model, plans);
    reread(*model);
    model->structure_change = structure_change_cnt;
    model->first_thread = nrn_threads;
    model->generation = ++generation_;
    model->freeze_seconds = wall_seconds() - started - model->compile_seconds;
    return model;
}

bool is_current(Model const& model) {
    if (model.structure_change != structure_change_cnt ||
        (int)model.threads.size() != nrn_nthread || model.first_thread != nrn_threads) {
        return false;
    }
    for (int i = 0; i < nrn_nthread; ++i) {
        NodeColumns const& node = model.threads[i].node;
        if (node.v != nrn_threads[i].node_voltage_storage() ||
            node.sav_rhs != nrn_threads[i].node_sav_rhs_storage()) {
            return false;
        }
    }
    return true;
}

void check_tables(Model& model) {
    for (auto& thread: model.threads) {
        for (auto& mechanism: thread.mechanisms) {
            if (mechanism.use && mechanism.use->kernel->table_check && mechanism.n > 0) {
                hx_args args = mechanism.args;
                args.t = nrn_threads[thread.id]._t;
                args.dt = nrn_threads[thread.id]._dt;
                args.celsius = celsius;
                args.v = thread.node.v;
                args.area = thread.node.area;
                args.node_row = mechanism.node;
                mechanism.use->kernel->table_check(&args);
            }
        }
    }
}

std::string node_name(int thread, int row) {
    Node* const node = nrn_threads[thread]._v_node[row];
    for (int i = 0; i < section_count; ++i) {
        int const n = _nrn_mechanism_get_nnode(secorder[i]);
        for (int k = 0; k < n; ++k) {
            if (_nrn_mechanism_get_node(secorder[i], k) == node) {
                double const x = k == n - 1 ? 1.0 : (k + 0.5) / (n - 1);
                char text[32];
                std::snprintf(text, sizeof text, "(%g)", x);
                return std::string(secname(secorder[i])) + text;
            }
        }
    }
    return "node " + std::to_string(row);
}

} // namespace heliox
