#include "device_cells.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "device_decl.hpp"

namespace heliox {
namespace {

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>; // sorted

Ranges columns_of_artificial_cells() {
    Ranges found;
    for (int type = 0; type < n_memb_func; ++type) {
        Memb_list& ml = memb_list[type];
        if (!nrn_is_artificial_[type] || ml.nodecount == 0) {
            continue;
        }
        auto const* dims = neuron::mechanism::get_array_dims<double>(type);
        auto* const* data = neuron::mechanism::get_data_ptrs<double>(type);
        for (size_t i = 0; i < field_names(type).size(); ++i) {
            auto const begin =
                reinterpret_cast<uint64_t>(data[i] + ml.get_storage_offset() * dims[i]);
            found.emplace_back(begin, begin + 8ull * ml.nodecount * dims[i]);
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

bool is_within(Ranges const& ranges, uint64_t address) {
    auto it = std::upper_bound(ranges.begin(), ranges.end(), std::make_pair(address, UINT64_MAX));
    return it != ranges.begin() && address < (--it)->second;
}

} // namespace

uint64_t pointed_at(Datum const& datum) {
    try {
        return reinterpret_cast<uint64_t>(datum.get<double*>());
    } catch (std::exception const&) {
        return 0;
    }
}

bool device_is_of_artificial_cell(uint64_t address) {
    return is_within(columns_of_artificial_cells(), address);
}

std::string artificial_cell_that_looks_out() {
    Ranges ranges;
    for (int type = 0; type < n_memb_func; ++type) {
        Memb_list& ml = memb_list[type];
        if (!nrn_is_artificial_[type] || ml.nodecount == 0) {
            continue;
        }
        for (int k = 0; k < nrn_prop_dparam_size_[type]; ++k) {
            if (memb_func[type].dparam_semantics[k] != kPointer) {
                continue;
            }
            if (ranges.empty()) {
                ranges = columns_of_artificial_cells();
            }
            for (int i = 0; i < ml.nodecount; ++i) {
                uint64_t const address = pointed_at(ml.pdata[i][k]);
                if (address && !is_within(ranges, address)) {
                    return memb_func[type].sym->name;
                }
            }
        }
    }
    return {};
}

} // namespace heliox
