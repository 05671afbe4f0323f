#include "device_names.hpp"

#include <algorithm>
#include <cstring>

#include <hoclist.h>

#include "bind.hpp"
#include "device_decl.hpp"
#include "device_model.hpp"
#include "freeze.hpp"
#include "structure.hpp"

extern Prop* nrn_mechanism(int type, Node*);

namespace heliox {
namespace {

constexpr int kPointPlace = 1; // in dparam, of each point process and artificial cell

std::string indexed(std::string const& name, long k) {
    return name + "[" + std::to_string(k) + "]";
}

std::string point_name(Memb_list const& ml, int type, int instance) {
    auto const* const point = ml.pdata[instance][kPointPlace].get<Point_process*>();
    return point && point->ob ? hoc_object_name(point->ob)
                              : indexed(memb_func[type].sym->name, instance);
}

// ena and cm have no mechanism's name behind them, as in NEURON.
std::string of_mechanism(DeviceMechanism const& mechanism, DevicePlace const& place) {
    auto const& field = mechanism.fields[place.field];
    std::string const element = field.dim > 1 ? "[" + std::to_string(place.element) + "]" : "";
    if (memb_func[mechanism.type].is_point) {
        Memb_list const* const ml = memb_list_of(nrn_threads[0], mechanism.type);
        return point_name(*ml, mechanism.type, place.row) + "." + field.name + element;
    }
    bool const bare = mechanism.kind == "ion" || mechanism.type == CAP;
    std::string const name = bare ? field.name : field.name + "_" + mechanism.name;
    return node_name(0, mechanism.node[place.row]) + "." + name + element;
}

std::string of_diameter(uint64_t address) { // no thread has a list of them
    NrnThread& nt = nrn_threads[0];
    for (int row = 0; row < nt.end; ++row) {
        Prop* const prop = nrn_mechanism(MORPHOLOGY, nt._v_node[row]);
        if (prop && reinterpret_cast<uint64_t>(&_nrn_mechanism_access_param(prop, 0)) == address) {
            return node_name(0, row) + ".diam";
        }
    }
    return {};
}

std::string of_model(uint64_t address) {
    DevicePlace const place = device_resolve(&address, 1)[0];
    switch (place.kind) {
    case DeviceVariable::time:
        return "t";
    case DeviceVariable::node: {
        std::string const& name = device_model().node[place.index].name;
        return node_name(0, place.row) + "." + (name == "sav_rhs" ? "i_membrane_" : name);
    }
    case DeviceVariable::mechanism:
        return of_mechanism(device_model().mechanisms[place.index], place);
    default:
        return {};
    }
}

std::string of_artificial_cell(uint64_t address) {
    auto const* const number = reinterpret_cast<double const*>(address);
    for (int type = 0; type < n_memb_func; ++type) {
        Memb_list const& ml = memb_list[type];
        if (!nrn_is_artificial_[type] || ml.nodecount == 0) {
            continue;
        }
        auto const* dims = neuron::mechanism::get_array_dims<double>(type);
        auto* const* data = neuron::mechanism::get_data_ptrs<double>(type);
        for (size_t i = 0; i < field_names(type).size(); ++i) {
            double const* const first = data[i] + ml.get_storage_offset() * dims[i];
            if (number >= first && number < first + (long)ml.nodecount * dims[i]) {
                long const k = number - first;
                std::string const name =
                    point_name(ml, type, (int)(k / dims[i])) + "." + field_names(type)[i];
                return dims[i] > 1 ? indexed(name, k % dims[i]) : name;
            }
        }
    }
    return {};
}

// The first that `look` finds among the objects of a class of NEURON's.
template <class Look>
std::string among(char const* class_name, Look look) {
    Symbol* const symbol = hoc_lookup(class_name);
    if (!symbol || !symbol->u.ctemplate) {
        return {};
    }
    auto* const list = symbol->u.ctemplate->olist;
    for (auto* item = list->next; item != list; item = item->next) {
        Object* const object = item->element.obj;
        if (!object->u.this_pointer) {
            continue;
        }
        if (std::string found = look(object); !found.empty()) {
            return found;
        }
    }
    return {};
}

std::string of_object(uint64_t address) {
    auto const* const number = reinterpret_cast<double const*>(address);
    std::string const weight = among("NetCon", [&](Object* object) -> std::string {
        auto const& netcon = *static_cast<NetConView const*>(object->u.this_pointer);
        bool const mine = number >= netcon.weight && number < netcon.weight + netcon.n_weight;
        return mine ? indexed(std::string(hoc_object_name(object)) + ".weight",
                              number - netcon.weight)
                    : "";
    });
    if (!weight.empty()) {
        return weight;
    }
    return among("Vector", [&](Object* object) -> std::string {
        auto* const vector = static_cast<IvocVect*>(object->u.this_pointer);
        double const* const first = vector_vec(vector);
        bool const mine = number >= first && number < first + vector_capacity(vector);
        return mine ? indexed(std::string(hoc_object_name(object)) + ".x", number - first) : "";
    });
}

std::string of_hoc(uint64_t address) {
    auto const* const number = reinterpret_cast<double const*>(address);
    Symbol const* const known = hoc_lookup("celsius"); // whose type is that of all variables
    if (!known) {
        return {};
    }
    for (Symlist const* list: {hoc_built_in_symlist, hoc_top_level_symlist}) {
        for (Symbol* s = list ? list->first : nullptr; s; s = s->next) {
            if (s->type != known->type) {
                continue;
            }
            bool const global = s->subtype == USERDOUBLE;
            if (!global && (s->subtype != NOTUSER || list != hoc_top_level_symlist)) {
                continue;
            }
            double const* const first = global ? s->u.pval : hoc_top_level_data[s->u.oboff].pval;
            long const n = !is_array(*s) ? 1
                           : global      ? s->arayinfo->sub[0]
                                         : (long)hoc_total_array_data(s, hoc_top_level_data);
            if (first && number >= first && number < first + n) {
                return is_array(*s) ? indexed(s->name, number - first) : s->name;
            }
        }
    }
    return {};
}

} // namespace

std::string device_name(uint64_t address) {
    for (auto* const look: {of_model, of_diameter, of_artificial_cell, of_object, of_hoc}) {
        if (std::string name = look(address); !name.empty()) {
            return name;
        }
    }
    return "a variable";
}

} // namespace heliox
