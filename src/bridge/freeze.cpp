#include "freeze.hpp"

#include <section_fwd.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include "../cpu/layout.hpp"
#include "bind.hpp"
#include "clock.hpp"
#include "gate.hpp"
#include "kernel_table.hpp"
#include "neuron_model.hpp"
#include "watched.hpp"

extern int section_count;
extern Section** secorder;

namespace heliox {
namespace {

// What a block of cells may touch. More than a usual L2 (1 to 2 MB), because eight cells of equal shape make
// the tree solver's lanes; measured on 20 and 500 cells (benchmarks/simulation.py).
constexpr size_t kBlockBytes = 2 * 1024 * 1024;

unsigned generation_ = 0;

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
    std::string const level = isa().empty() ? "" : isa().substr(7); // "v4"
    thread.tree = std::make_unique<Tree>(thread.n_cell, thread.n_node, nt._v_parent_index, cap.n,
                                         cap.node, level.empty() ? nullptr : level.c_str());
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
    // also what a binding that failed half way left behind
    MechanismImage plain;
    plain.type = mechanism.type;
    plain.name = mechanism.name;
    plain.n = mechanism.n;
    plain.node = mechanism.node;
    plain.barrier = true;
    mechanism = std::move(plain);
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
            if (!std::is_sorted(tml->ml->nodeindices, tml->ml->nodeindices + tml->ml->nodecount)) {
                throw std::runtime_error("ions are not in the order of nodes");
            }
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
                std::string why = std::is_sorted(ml.nodeindices, ml.nodeindices + ml.nodecount)
                                      ? bind(token, thread, ml, mechanism)
                                      : "its instances are not in the order of nodes";
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

void check_table(ThreadImage const& thread, MechanismImage const& mechanism) {
    hx_args args = mechanism.args;
    args.t = nrn_threads[thread.id]._t;
    args.dt = nrn_threads[thread.id]._dt;
    args.celsius = celsius;
    args.v = thread.node.v;
    args.area = thread.node.area;
    args.node_row = mechanism.node;
    mechanism.use->kernel->table_check(&args);
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
    if (nrn_mech_wtime_) {
        return {"HX047", "pc.mech_time() measures NEURON's own functions"};
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
        lay_out(thread);
        for (auto& mechanism: thread.mechanisms) {
            mechanism.serial_table = mechanism.use && mechanism.use->kernel->table_check &&
                                     !memb_func[mechanism.type].thread_table_check_;
            model->has_serial_tables = model->has_serial_tables || mechanism.serial_table;
        }
        model->n_node += thread.n_node;
        model->n_cell += thread.n_cell;
    }
    write_notes(*model, plans);
    reread(*model);
    model->structure_change = structure_change_cnt;
    model->second_order = secondorder;
    model->first_thread = nrn_threads;
    model->generation = ++generation_;
    model->freeze_seconds = wall_seconds() - started - model->compile_seconds;
    return model;
}

bool is_current(Model const& model) {
    if (model.structure_change != structure_change_cnt || model.second_order != secondorder ||
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
    std::set<int> done; // NEURON looks at the first thread that has the type
    for (auto& thread: model.threads) {
        for (auto& mechanism: thread.mechanisms) {
            if (mechanism.use && mechanism.use->kernel->table_check && mechanism.n > 0 &&
                done.insert(mechanism.type).second) {
                check_table(thread, mechanism);
            }
        }
    }
}

void check_serial_tables(Model& model) {
    if (!model.has_serial_tables) {
        return;
    }
    for (auto& mechanism: model.threads[0].mechanisms) { // not thread safe: there is one thread
        if (mechanism.serial_table && mechanism.n > 0) {
            check_table(model.threads[0], mechanism);
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
    NrnThread const& nt = nrn_threads[thread];
    for (int child = nt.ncell; row < nt.ncell && child < nt.end; ++child) {
        if (nt._v_parent_index[child] == row) { // the first one is of the root's own section
            std::string const name = node_name(thread, child);
            return name.substr(0, name.rfind('(')) + "(0)";
        }
    }
    return "node " + std::to_string(row);
}

} // namespace heliox
