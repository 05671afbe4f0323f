#include "average.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "columns.hpp"
#include "neuron_model.hpp"

extern Object* hoc_name2obj(char const* name, int index);

// NEURON 9.0, ivoc/ocptrvector.h: getval() confirms what is read.
class OcPtrVector {
  public:
    double getval(int);

    void* vtable;
    std::vector<neuron::container::data_handle<double>> handles;
};

namespace heliox {
namespace {

using Handle = neuron::container::data_handle<double>;

char const* const kGone = "HX051";

struct Average : AverageState {
    std::string column;          // or
    std::vector<Handle> handles; // one an element
    std::vector<double*> at;     // where the elements were before the last steps
    int structure = -1;          // structure_change_cnt then
    int n_thread = 1;
    std::vector<std::vector<int>>
        of_thread; // elements of each NEURON thread, when there are several
};

std::map<int, Average> averages_;
int next_id_ = 1;

void give_up(Average& average, std::string const& why) {
    average.problem = why;
    average.at.clear();
    ++average.version;
}

void clear(Average& average) {
    std::fill(average.sum.begin(), average.sum.end(), 0.);
    average.count = 0;
    average.problem.clear();
    average.structure = -1;
    ++average.version;
}

struct Range {
    double const *begin, *end;
    int thread;
};

// What belongs to each NEURON thread: its rows of all columns.
std::vector<Range> ranges_of_threads() {
    std::vector<Range> ranges;
    for (int i = 0; i < nrn_nthread; ++i) {
        NrnThread& nt = nrn_threads[i];
        for (double* data: {nt.node_voltage_storage(), nt.node_rhs_storage(), nt.node_d_storage(),
                            nt.node_a_storage(), nt.node_b_storage(), nt.node_area_storage(),
                            nt.node_sav_rhs_storage(), nt.node_sav_d_storage()}) {
            if (data) {
                ranges.push_back({data, data + nt.end, i});
            }
        }
        for (auto* tml = nt.tml; tml; tml = tml->next) {
            auto const* dims = neuron::mechanism::get_array_dims<double>(tml->index);
            auto* const* data = neuron::mechanism::get_data_ptrs<double>(tml->index);
            int const n_field = neuron::mechanism::get_field_count<double>(tml->index);
            for (int f = 0; f < n_field; ++f) {
                double const* const first = data[f] + tml->ml->get_storage_offset() * dims[f];
                ranges.push_back({first, first + (long)tml->ml->nodecount * dims[f], i});
            }
        }
    }
    std::sort(ranges.begin(), ranges.end(),
              [](Range const& a, Range const& b) { return a.begin < b.begin; });
    return ranges;
}

void divide_among_threads(Average& average) {
    average.of_thread.assign(nrn_nthread, {});
    auto const ranges = ranges_of_threads();
    for (size_t k = 0; k < average.at.size(); ++k) {
        auto it =
            std::upper_bound(ranges.begin(), ranges.end(), average.at[k],
                             [](double const* at, Range const& range) { return at < range.begin; });
        if (it == ranges.begin() || average.at[k] >= (--it)->end) {
            give_up(average, "HX056 with pc.nthread > 1 an artificial cell's variable has no mean");
            return;
        }
        average.of_thread[it->thread].push_back((int)k);
    }
}

std::vector<double*> elements_now(Average& average) {
    std::vector<double*> at;
    if (!average.column.empty()) {
        Column const column = find_column(average.column);
        for (long k = 0; column.data && k < column.count * column.dim; ++k) {
            at.push_back(column.data + k);
        }
        return at;
    }
    at.reserve(average.handles.size());
    for (auto& handle: average.handles) {
        at.push_back(static_cast<double*>(handle));
        if (!at.back()) {
            return {};
        }
    }
    return at;
}

// A column's elements have no identity: after a change of structure they are others.
bool others(Average const& average, std::vector<double*> const& now) {
    return average.count > 0 && !average.column.empty() && average.structure >= 0 &&
           (average.structure != structure_change_cnt || now.size() != average.sum.size());
}

void find_elements(Average& average) {
    if (!average.problem.empty()) {
        return;
    }
    auto now = elements_now(average);
    if (now.empty()) {
        give_up(average, std::string(kGone) + " its sections, mechanism or objects were deleted");
        return;
    }
    if (others(average, now)) {
        give_up(average,
                std::string(kGone) + " the model changed while the mean was taken: other elements");
        return;
    }
    bool const same = now == average.at && average.structure == structure_change_cnt &&
                      average.n_thread == nrn_nthread;
    average.structure = structure_change_cnt;
    average.n_thread = nrn_nthread;
    if (same) {
        return;
    }
    average.at = std::move(now);
    if (average.sum.size() != average.at.size()) {
        average.sum.assign(average.at.size(), 0.);
        ++average.version;
    }
    average.of_thread.clear();
    if (nrn_nthread > 1) {
        divide_among_threads(average);
    }
}

bool over(Average const& average) { return t > average.window.end; }

bool is_inside(AverageWindow const& window, NrnThread const& nt) {
    double const middle = nt._t - .5 * nt._dt;
    return middle > window.begin && middle <= window.end;
}

// NaN stays NaN.
inline double sample(double x, bool relu) { return relu && x < 0. ? 0. : x; }

void add(Average& average, NrnThread const& nt) {
    bool const relu = average.window.relu;
    double* const sum = average.sum.data();
    double* const* const at = average.at.data();
    if (nrn_nthread > 1) {
        for (int k: average.of_thread[nt.id]) {
            sum[k] += sample(*at[k], relu);
        }
    } else {
        for (size_t k = 0; k < average.at.size(); ++k) {
            sum[k] += sample(*at[k], relu);
        }
    }
    if (nt.id == 0) {
        ++average.count;
        ++average.version;
    }
}

// Engines promise NEURON's numbers in what a script can see: not in rhs, d, or a mechanism's _g.
bool is_public(std::string const& column) {
    auto const dot = column.find('.');
    if (dot == std::string::npos) {
        return column == "v" || column == "i_membrane_" || column == "area";
    }
    std::string const owner = column.substr(0, dot), field = column.substr(dot + 1);
    for (int type = 0; type < n_memb_func; ++type) {
        Symbol const* const mechanism = memb_func[type].sym;
        if (!mechanism || owner != mechanism->name) {
            continue;
        }
        for (unsigned k = 0; k < mechanism->s_varn; ++k) {
            std::string const name = mechanism->u.ppsym[k]->name;
            if (name == field || name == field + "_" + owner) {
                return true;
            }
        }
    }
    return false;
}

Average& found(int id) {
    auto const it = averages_.find(id);
    if (it == averages_.end()) {
        throw std::out_of_range("no such average");
    }
    return it->second;
}

int add_new(Average average, AverageWindow const& window) {
    average.window = window;
    average.sum.assign(average.at.size(), 0.);
    average.at.clear(); // found with the first steps
    averages_[next_id_] = std::move(average);
    return next_id_++;
}

} // namespace

int add_average(std::string const& column, AverageWindow const& window) {
    Average average;
    if (!is_public(column)) {
        return -1;
    }
    average.column = column;
    average.at = elements_now(average);
    return average.at.empty() ? -1 : add_new(std::move(average), window);
}

int add_average_of_pointers(int index, long n, AverageWindow const& window) {
    Object* const object = hoc_name2obj("PtrVector", index);
    if (!object) {
        throw std::invalid_argument("no such PtrVector");
    }
    auto& pointers = *static_cast<OcPtrVector*>(object->u.this_pointer);
    if ((long)pointers.handles.size() != n) {
        throw std::runtime_error("the layout of NEURON's PtrVector is not as expected");
    }
    Average average;
    for (int k = 0; k < n; ++k) {
        Handle handle = pointers.handles[k];
        bool const known = handle.refers_to_a_modern_data_structure() && bool(handle);
        if (known) {
            double const expected = pointers.getval(k);
            if (std::memcmp(&expected, static_cast<double*>(handle), sizeof expected) != 0) {
                throw std::runtime_error("the layout of NEURON's PtrVector is not as expected");
            }
        } else {
            throw std::invalid_argument("element " + std::to_string(k) +
                                        " is no RANGE variable of a segment or point process");
        }
        average.handles.push_back(handle);
    }
    average.at = elements_now(average);
    return average.at.empty() ? -1 : add_new(std::move(average), window);
}

void drop_average(int id) { averages_.erase(id); }

void reset_average(int id) { clear(found(id)); }

AverageState const* find_average(int id) {
    auto const it = averages_.find(id);
    return it == averages_.end() ? nullptr : &it->second;
}

std::vector<int> average_ids() {
    std::vector<int> ids;
    for (auto const& [id, average]: averages_) {
        ids.push_back(id);
    }
    return ids;
}

std::vector<uint64_t> average_addresses(int id) {
    std::vector<uint64_t> addresses;
    auto const it = averages_.find(id);
    if (it == averages_.end()) {
        return addresses;
    }
    find_elements(it->second);
    for (double const* at: it->second.at) {
        addresses.push_back(reinterpret_cast<uint64_t>(at));
    }
    return addresses;
}

void set_average(int id, double const* sum, long count) {
    Average& average = found(id);
    std::copy(sum, sum + average.sum.size(), average.sum.begin());
    average.count = count;
}

bool has_averages() { return !averages_.empty(); }

void averages_new_run() {
    for (auto& [id, average]: averages_) {
        clear(average);
    }
}

void averages_before_steps() {
    for (auto& [id, average]: averages_) {
        if (!over(average)) {
            find_elements(average);
        }
    }
}

void add_to_averages(NrnThread const& nt) {
    for (auto& [id, average]: averages_) {
        if (!average.problem.empty() || !is_inside(average.window, nt)) {
            continue;
        }
        if (average.structure != structure_change_cnt && nrn_nthread == 1) {
            find_elements(average); // an event's statement changed the model in this step
        }
        if (average.problem.empty() && average.structure == structure_change_cnt) {
            add(average, nt);
        }
    }
}

void averages_observed(std::vector<double const*>& addresses) {
    for (auto const& [id, average]: averages_) {
        if (!over(average)) {
            addresses.insert(addresses.end(), average.at.begin(), average.at.end());
        }
    }
}

} // namespace heliox
