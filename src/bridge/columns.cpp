#include "columns.hpp"

#include <cstring>

#include "bind.hpp"
#include "structure.hpp"

namespace heliox {
namespace {

void settle_structure() {
    set_up_structure();
    nrn_ensure_model_data_are_sorted_opaque();
}

int type_of(std::string const& name) {
    for (int type = 0; type < n_memb_func; ++type) {
        if (memb_func[type].sym && name == memb_func[type].sym->name) {
            return type;
        }
    }
    return -1;
}

long count_of(int type) {
    if (nrn_is_artificial_[type]) {
        return memb_list[type].nodecount;
    }
    long count = 0;
    for (int i = 0; i < nrn_nthread; ++i) {
        for (auto* tml = nrn_threads[i].tml; tml; tml = tml->next) {
            count += tml->index == type ? tml->ml->nodecount : 0;
        }
    }
    return count;
}

std::string unit_of(Symbol const* symbol) {
    return symbol && symbol->extra && symbol->extra->units ? symbol->extra->units : "";
}

std::string mechanism_unit(int type, std::string const& field) {
    Symbol* const mechanism = memb_func[type].sym;
    if (memb_func[type].is_point && mechanism->type != 0 && mechanism->u.ctemplate) {
        if (Symbol* owner = hoc_lookup(mechanism->name);
            owner && owner->u.ctemplate && owner->u.ctemplate->symtable) {
            return unit_of(hoc_table_lookup(field.c_str(), owner->u.ctemplate->symtable));
        }
        return "";
    }
    if (Symbol* plain = hoc_lookup(field.c_str()); plain && (nrn_is_ion(type) || type == CAP)) {
        return unit_of(plain);
    }
    return unit_of(hoc_lookup((field + "_" + mechanism->name).c_str()));
}

Column node_column(std::string const& name) {
    NrnThread& nt = nrn_threads[0];
    Column column;
    column.owner = "node";
    for (int i = 0; i < nrn_nthread; ++i) {
        column.count += nrn_threads[i].end;
    }
    struct {
        char const* name;
        double* data;
        char const* unit;
    } const known[] = {{"v", nt.node_voltage_storage(), "mV"},
                       {"area", nt.node_area_storage(), "um2"},
                       {"rhs", nt.node_rhs_storage(), "mA/cm2"},
                       {"d", nt.node_d_storage(), "mS/cm2"},
                       {"a", nt.node_a_storage(), "mS/cm2"},
                       {"b", nt.node_b_storage(), "mS/cm2"},
                       {"i_membrane_", nt.node_sav_rhs_storage(), "nA"}};
    for (auto const& entry: known) {
        if (name == entry.name) {
            column.data = entry.data;
            column.unit = entry.unit;
        }
    }
    return column;
}

} // namespace

Column find_column(std::string const& name) {
    settle_structure();
    auto const dot = name.find('.');
    if (dot == std::string::npos) {
        return node_column(name);
    }
    Column column;
    column.owner = name.substr(0, dot);
    std::string const field = name.substr(dot + 1);
    int const type = type_of(column.owner);
    if (type < 0) {
        return {};
    }
    column.count = count_of(type);
    int const n_field = neuron::mechanism::get_field_count<double>(type);
    for (int i = 0; column.count > 0 && i < n_field; ++i) {
        if (field_names(type)[i] == field) {
            column.data = neuron::mechanism::get_data_ptrs<double>(type)[i];
            column.dim = neuron::mechanism::get_array_dims<double>(type)[i];
            column.unit = mechanism_unit(type, field);
        }
    }
    return column;
}

unsigned columns_generation() {
    static unsigned generation = 1;
    static int structure = -1;
    static void const* voltage = nullptr;
    static void const* imem = nullptr;
    settle_structure();
    void const* const v = nrn_threads[0].node_voltage_storage();
    void const* const i = nrn_threads[0].node_sav_rhs_storage();
    if (structure != structure_change_cnt || voltage != v || imem != i) {
        structure = structure_change_cnt;
        voltage = v;
        imem = i;
        ++generation;
    }
    return generation;
}

std::vector<std::string> column_names() {
    settle_structure();
    std::vector<std::string> names{"v", "area", "rhs", "d", "a", "b", "i_membrane_"};
    for (int type = CAP; type < n_memb_func; ++type) {
        if (!memb_func[type].sym || type == MORPHOLOGY || count_of(type) == 0) {
            continue;
        }
        for (int i = 0; i < neuron::mechanism::get_field_count<double>(type); ++i) {
            names.push_back(std::string(memb_func[type].sym->name) + "." + field_names(type)[i]);
        }
    }
    return names;
}

} // namespace heliox
