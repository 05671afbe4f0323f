#include "bind.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "neuron_model.hpp"

namespace heliox {
namespace {

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

} // namespace

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

namespace {

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

// Kernels and their tables live as long as the process: NEURON's tables do.
std::map<std::pair<int, hx_kernel const*>, std::unique_ptr<KernelUse>> uses_;

} // namespace

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

} // namespace heliox
