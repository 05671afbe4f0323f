#include "device_model.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "bind.hpp"
#include "columns.hpp"
#include "device_cells.hpp"
#include "device_decl.hpp"
#include "device_records.hpp"
#include "structure.hpp"

#include <hoclist.h>

namespace heliox {
namespace {

constexpr int kWatch = -8;            // of hoc's dparam_semantics
constexpr int kNernstEachStep = 0100; // a bit of an ion's style

bool has_semantics(int type, int semantics) {
    int const* const all = memb_func[type].dparam_semantics.get();
    return all && std::find(all, all + nrn_prop_dparam_size_[type], semantics) !=
                      all + nrn_prop_dparam_size_[type];
}

void read_node(NrnThread& nt, DeviceModel& model) {
    model.n_node = nt.end;
    model.n_cell = nt.ncell;
    model.parent = nt._v_parent_index;
    model.fast_imem = nrn_use_fast_imem;
    model.node = {{"v", nt.node_voltage_storage(), 1}, {"rhs", nt.node_rhs_storage(), 1},
                  {"d", nt.node_d_storage(), 1},       {"a", nt.node_a_storage(), 1},
                  {"b", nt.node_b_storage(), 1},       {"area", nt.node_area_storage(), 1}};
    if (nrn_use_fast_imem) {
        model.node.push_back({"sav_rhs", nt.node_sav_rhs_storage(), 1});
        model.node.push_back({"sav_d", nt.node_sav_d_storage(), 1});
    }
}

char const* kind_of(int type, bool before_after) {
    if (type == CAP) {
        return "capacitance";
    }
    if (nrn_is_ion(type)) {
        return "ion";
    }
    if (!memb_func[type].current && !memb_func[type].state && !pnt_receive[type] && !before_after) {
        return "other";
    }
    return memb_func[type].is_point ? "point" : "density";
}

void read_fields(Memb_list& ml, DeviceMechanism& mechanism) {
    auto const& names = field_names(mechanism.type);
    auto const* dims = neuron::mechanism::get_array_dims<double>(mechanism.type);
    auto* const* data = neuron::mechanism::get_data_ptrs<double>(mechanism.type);
    for (size_t i = 0; i < names.size(); ++i) {
        mechanism.fields.push_back(
            {names[i], data[i] + ml.get_storage_offset() * dims[i], dims[i]});
    }
}

void read_pointers(Memb_list& ml, DeviceMechanism& mechanism) {
    mechanism.pointers.clear();
    for (int k = 0; k < nrn_prop_dparam_size_[mechanism.type]; ++k) {
        if (memb_func[mechanism.type].dparam_semantics[k] != kPointer) {
            continue;
        }
        DevicePointer pointer;
        pointer.index = k;
        for (int i = 0; i < ml.nodecount; ++i) {
            pointer.addresses.push_back(pointed_at(ml.pdata[i][k]));
        }
        mechanism.pointers.push_back(std::move(pointer));
    }
}

bool has_before_after(NrnThread& nt, Memb_list const* ml) {
    for (auto* list: nt.tbl) {
        for (auto* entry = list; entry; entry = entry->next) {
            if (entry->ml == ml) {
                return true;
            }
        }
    }
    return false;
}

DeviceMechanism read_mechanism(NrnThread& nt, NrnThreadMembList& tml) {
    DeviceMechanism mechanism;
    int const type = tml.index;
    mechanism.type = type;
    mechanism.name = memb_func[type].sym->name;
    mechanism.n = tml.ml->nodecount;
    mechanism.node = tml.ml->nodeindices;
    mechanism.text = nrn_nmodl_text_[type];
    mechanism.has_current = memb_func[type].current != nullptr;
    mechanism.has_state = memb_func[type].state != nullptr;
    mechanism.has_receive = pnt_receive[type] != nullptr;
    mechanism.has_watch = has_semantics(type, kWatch);
    mechanism.before_after = has_before_after(nt, tml.ml);
    mechanism.kind = kind_of(type, mechanism.before_after);
    mechanism.receive_size = mechanism.has_receive ? pnt_receive_size[type] : 0;
    read_fields(*tml.ml, mechanism);
    read_pointers(*tml.ml, mechanism);
    return mechanism;
}

void read_styles(Memb_list& ml, DeviceIon& ion) {
    ion.style.clear();
    ion.nernst.clear();
    for (int i = 0; i < ml.nodecount; ++i) {
        ion.style.push_back(ml.pdata[i][0].get<int>());
        if (ion.style.back() & kNernstEachStep) {
            ion.nernst.push_back(i);
        }
    }
}

void read_ions(neuron::model_sorted_token const& token, NrnThread& nt, DeviceModel& model) {
    std::vector<IonImage> images;
    for (size_t k = 0; k < model.mechanisms.size(); ++k) {
        if (model.mechanisms[k].kind != "ion") {
            continue;
        }
        Memb_list& ml = *memb_list_of(nt, model.mechanisms[k].type);
        images.push_back(read_ion(ml, model.mechanisms[k].type));
        IonImage const& image = images.back();
        DeviceIon ion;
        ion.type = image.type;
        ion.name = image.name;
        ion.n = image.n;
        ion.mechanism = (int)k;
        std::copy(image.column, image.column + 5, ion.column);
        ion.charge = image.charge;
        read_styles(ml, ion);
        model.ions.push_back(std::move(ion));
    }
    for (auto& mechanism: model.mechanisms) {
        if (mechanism.kind == "ion" || mechanism.kind == "capacitance") {
            continue;
        }
        for (auto const& image: images) {
            DeviceIonRows rows;
            rows.ion = image.name;
            if (read_ion_rows(token, *memb_list_of(nt, mechanism.type), mechanism.type, image,
                              rows.row)) {
                mechanism.ions.push_back(std::move(rows));
            }
        }
    }
}

struct Range {
    uint64_t begin, end;
    DevicePlace place; // of its first element
    int dim;
};

// Sorted by begin; columns do not overlap.
std::vector<Range> ranges_of(DeviceModel const& model) {
    std::vector<Range> ranges;
    auto add = [&](DeviceField const& field, int n, DevicePlace place) {
        auto const begin = reinterpret_cast<uint64_t>(field.data);
        if (n > 0 && begin) {
            ranges.push_back({begin, begin + 8ull * n * field.dim, place, field.dim});
        }
    };
    for (size_t i = 0; i < model.node.size(); ++i) {
        add(model.node[i], model.n_node, {DeviceVariable::node, (int)i, 0, 0, 0});
    }
    for (size_t k = 0; k < model.mechanisms.size(); ++k) {
        auto const& mechanism = model.mechanisms[k];
        for (size_t i = 0; i < mechanism.fields.size(); ++i) {
            add(mechanism.fields[i], mechanism.n,
                {DeviceVariable::mechanism, (int)k, (int)i, 0, 0});
        }
    }
    auto const clock = reinterpret_cast<uint64_t>(&t);
    ranges.push_back({clock, clock + 8, {DeviceVariable::time, 0, 0, 0, 0}, 1});
    std::sort(ranges.begin(), ranges.end(),
              [](Range const& a, Range const& b) { return a.begin < b.begin; });
    return ranges;
}

struct Known {
    DeviceModel model;
    std::vector<Range> ranges;
    std::vector<int> mechanism_of_type;
};
Known known_;
std::vector<uint64_t> numbers_; // sorted

void resolve_number(uint64_t address, DevicePlace& place) {
    auto const it = std::lower_bound(numbers_.begin(), numbers_.end(), address);
    if (it != numbers_.end() && *it == address) {
        place = {DeviceVariable::number, 0, 0, (int)(it - numbers_.begin()), 0};
    }
}

struct Elements {
    uint64_t begin, end;
};

// Those of all hoc Vectors that no Vector.record() or Vector.play() uses, sorted.
std::vector<Elements> elements_of_vectors() {
    std::vector<Elements> found;
    Symbol* const symbol = hoc_lookup("Vector");
    if (!symbol || !symbol->u.ctemplate) {
        return found;
    }
    std::vector<void const*> used;
    for (auto const& record: device_records()) {
        used.push_back(record.y);
        used.push_back(record.times);
    }
    std::sort(used.begin(), used.end());
    auto* const list = symbol->u.ctemplate->olist;
    for (auto* item = list->next; item != list; item = item->next) {
        auto* const vector = static_cast<IvocVect*>(item->element.obj->u.this_pointer);
        if (vector && !std::binary_search(used.begin(), used.end(), (void const*)vector)) {
            auto const begin = reinterpret_cast<uint64_t>(vector_vec(vector));
            found.push_back({begin, begin + 8ull * vector_capacity(vector)});
        }
    }
    std::sort(found.begin(), found.end(),
              [](Elements const& a, Elements const& b) { return a.begin < b.begin; });
    return found;
}

} // namespace

unsigned device_generation() { return columns_generation(); }

DeviceModel const& device_model() {
    if (nrn_nthread != 1) {
        throw std::runtime_error("pc.nthread is not 1: a device engine takes one thread");
    }
    unsigned const generation = device_generation();
    if (known_.model.generation == generation) {
        return known_.model;
    }
    auto const token = nrn_ensure_model_data_are_sorted_opaque();
    NrnThread& nt = nrn_threads[0];
    Known fresh;
    read_node(nt, fresh.model);
    fresh.mechanism_of_type.assign(n_memb_func, -1);
    for (auto* tml = nt.tml; tml; tml = tml->next) {
        int const index = (int)fresh.model.mechanisms.size();
        fresh.mechanism_of_type[tml->index] = index;
        if (tml->index == CAP) {
            fresh.model.capacitance = index;
        }
        fresh.model.mechanisms.push_back(read_mechanism(nt, *tml));
    }
    read_ions(token, nt, fresh.model);
    fresh.ranges = ranges_of(fresh.model);
    fresh.model.generation = generation;
    known_ = std::move(fresh);
    return known_.model;
}

DeviceModel const& device_model_reread() {
    device_model();
    NrnThread& nt = nrn_threads[0];
    for (auto& mechanism: known_.model.mechanisms) {
        read_pointers(*memb_list_of(nt, mechanism.type), mechanism);
    }
    for (auto& ion: known_.model.ions) {
        read_styles(*memb_list_of(nt, ion.type), ion);
    }
    return known_.model;
}

int device_mechanism_index(int type) {
    return type < (int)known_.mechanism_of_type.size() ? known_.mechanism_of_type[type] : -1;
}

std::vector<DevicePlace> device_resolve(uint64_t const* addresses, size_t n) {
    device_model();
    std::vector<DevicePlace> places(n);
    for (size_t i = 0; i < n; ++i) {
        auto it =
            std::upper_bound(known_.ranges.begin(), known_.ranges.end(), addresses[i],
                             [](uint64_t at, Range const& range) { return at < range.begin; });
        if (it == known_.ranges.begin() || addresses[i] >= (--it)->end) {
            resolve_number(addresses[i], places[i]);
            continue;
        }
        auto const offset = int((addresses[i] - it->begin) / 8);
        places[i] = it->place;
        places[i].row = offset / it->dim;
        places[i].element = offset % it->dim;
    }
    return places;
}

std::vector<char> device_take_numbers(std::vector<uint64_t> const& addresses) {
    std::vector<char> taken(addresses.size(), 0);
    if (addresses.empty() && numbers_.empty()) {
        return taken;
    }
    numbers_.clear();
    forget_device_records(); // they say whether the device holds a variable
    if (!addresses.empty()) {
        auto const elements = elements_of_vectors();
        for (size_t i = 0; i < addresses.size(); ++i) {
            auto it = std::upper_bound(
                elements.begin(), elements.end(), addresses[i],
                [](uint64_t at, Elements const& range) { return at < range.begin; });
            if (it != elements.begin() && addresses[i] < (--it)->end) {
                taken[i] = 1;
                numbers_.push_back(addresses[i]);
            }
        }
        forget_device_records();
    }
    return taken;
}

double* device_global(std::string const& name) {
    Symbol* const symbol = hoc_lookup(name.c_str());
    return symbol && symbol->subtype == USERDOUBLE ? symbol->u.pval : nullptr;
}

DeviceClock device_clock() {
    NrnThread const& nt = nrn_threads[0];
    return {nt._t, nt._dt, nt.cj, celsius, secondorder, diam_change_cnt};
}

} // namespace heliox
