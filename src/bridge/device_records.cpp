#include "device_records.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <typeinfo>
#include <unordered_map>
#include <utility>

#include "device_decl.hpp"
#include "device_engine.hpp"
#include "device_model.hpp"

namespace heliox {
namespace {

struct Polymorphic {
    virtual ~Polymorphic() = default;
};

NeuronClass class_by_name(void const* object) {
    static std::pair<char const*, NeuronClass> const names[] = {
        {"6NetCon", NeuronClass::net_con},
        {"9SelfEvent", NeuronClass::self_event},
        {"6PreSyn", NeuronClass::pre_syn},
        {"8HocEvent", NeuronClass::hoc_event},
        {"11NetParEvent", NeuronClass::net_par_event},
        {"15PlayRecordEvent", NeuronClass::play_record_event},
        {"10YvecRecord", NeuronClass::y_record},
        {"10TvecRecord", NeuronClass::t_record},
        {"11VecRecordDt", NeuronClass::record_dt},
        {"17VecRecordDiscrete", NeuronClass::record_discrete},
        {"11VecPlayStep", NeuronClass::play_step},
        {"17VecPlayContinuous", NeuronClass::play_continuous},
        {"11GLineRecord", NeuronClass::graph_line},
        {"13GVectorRecord", NeuronClass::graph_vector}};
    char const* const name = typeid(*static_cast<Polymorphic const*>(object)).name();
    for (auto const& [known, answer]: names) {
        if (std::strcmp(name, known) == 0) {
            return answer;
        }
    }
    return NeuronClass::other;
}

std::vector<DeviceRecord> records_;
std::unordered_map<PlayRecord const*, int> index_;
bool records_are_current_ = false; // the interpreter has not run since they were read

bool is_vector(VectorView* y) {
    auto* const vector = reinterpret_cast<IvocVect*>(y);
    return y && y->elements.data() == vector_vec(vector) &&
           (int)y->elements.size() == vector_capacity(vector);
}

template <class View>
View& view_of(PlayRecord* record) {
    return *reinterpret_cast<View*>(record);
}

template <class View>
void read_event(PlayRecord* record) {
    auto const* event = view_of<View>(record).event;
    if (!event || event->record != record) {
        throw std::runtime_error("the layout of NEURON's records is not as expected");
    }
}

DeviceRecord read_record(PlayRecord* record) {
    DeviceRecord result;
    result.record = record;
    auto& view = view_of<VecRecordView>(record);
    result.address = reinterpret_cast<uint64_t>(static_cast<double*>(view.variable));
    result.y = view.y;
    switch (class_of(record)) {
    case NeuronClass::y_record:
        result.kind = "y";
        break;
    case NeuronClass::t_record:
        result.kind = "t";
        result.address = 0; // it carries some node's v
        break;
    case NeuronClass::record_dt:
        result.kind = "dt";
        read_event<VecRecordDtView>(record);
        break;
    case NeuronClass::record_discrete:
        result.kind = "discrete";
        read_event<VecRecordDiscreteView>(record);
        result.times = view_of<VecRecordDiscreteView>(record).t;
        break;
    case NeuronClass::play_step:
        result.kind = "play_step";
        read_event<VecPlayStepView>(record);
        result.statement = view_of<VecPlayStepView>(record).statement != nullptr;
        result.times = view_of<VecPlayStepView>(record).t;
        break;
    case NeuronClass::play_continuous:
        result.kind = "play";
        read_event<VecPlayContinuousView>(record);
        result.statement = view_of<VecPlayContinuousView>(record).statement != nullptr;
        result.times = view_of<VecPlayContinuousView>(record).t;
        break;
    default:
        result.kind = "graph";
        result.address = 0;
        result.y = nullptr;
        return result;
    }
    if (!is_vector(result.y)) {
        throw std::runtime_error("the layout of NEURON's Vector is not as expected");
    }
    return result;
}

void mark_continuous(std::vector<PlayRecord*> const* list) {
    if (!list || list->size() > records_.size()) {
        throw std::runtime_error("the layout of NEURON's list of records is not as expected");
    }
    for (auto* record: *list) {
        int const index = device_record_index(record);
        if (index < 0) {
            throw std::runtime_error("the layout of NEURON's list of records is not as expected");
        }
        auto& kind = records_[index].kind;
        records_[index].continuous = kind != "dt" && kind != "discrete" && kind != "play_step";
    }
}

void find_host_variables() {
    std::vector<uint64_t> addresses;
    for (auto const& record: records_) {
        addresses.push_back(record.address);
    }
    auto const places = device_resolve(addresses.data(), addresses.size());
    for (size_t i = 0; i < records_.size(); ++i) {
        bool const device = places[i].kind == DeviceVariable::node ||
                            places[i].kind == DeviceVariable::mechanism ||
                            places[i].kind == DeviceVariable::number;
        records_[i].host = records_[i].address != 0 && !device;
    }
}

// As push_back: NEURON tells nobody that the elements move.
std::vector<double>& appended_to(int index) {
    if (index < 0 || index >= (int)records_.size()) {
        throw std::invalid_argument("no such record");
    }
    DeviceRecord& record = records_[index];
    if (record.kind != "y" && record.kind != "t") {
        throw std::invalid_argument("a record of kind \"" + record.kind + "\" is not appended to");
    }
    return record.y->elements;
}

} // namespace

NeuronClass class_of(void const* object) {
    static std::vector<std::pair<void const*, NeuronClass>> known; // by table of virtual functions
    void const* const table = *static_cast<void* const*>(object);
    for (auto const& [candidate, answer]: known) {
        if (candidate == table) {
            return answer;
        }
    }
    known.emplace_back(table, class_by_name(object));
    return known.back().second;
}

std::vector<DeviceRecord> const& device_records() {
    if (records_are_current_ && device_asking()) {
        return records_;
    }
    records_.clear();
    index_.clear();
    records_are_current_ = false;
    auto const* all = net_cvode_instance_prl();
    if (!all) {
        return records_;
    }
    for (auto* record: *all) {
        index_[record] = (int)records_.size();
        records_.push_back(read_record(record));
    }
    auto const& lists = *reinterpret_cast<NetCvodeView const*>(net_cvode_instance);
    mark_continuous(lists.plays);
    mark_continuous(lists.records);
    find_host_variables();
    records_are_current_ = true;
    return records_;
}

void forget_device_records() { records_are_current_ = false; }

std::vector<DeviceRecord> const& device_records_read() { return records_; }

int device_record_index(PlayRecord const* record) {
    auto const it = index_.find(record);
    return it == index_.end() ? -1 : it->second;
}

void device_append(int index, double const* values, long m) {
    auto& elements = appended_to(index);
    elements.insert(elements.end(), values, values + m);
}

void device_counted(uint64_t vector, int n, double te) {
    if (n > 0) {
        auto* const times = reinterpret_cast<IvocVect*>(vector);
        vector_resize(times, n);
        vector_vec(times)[n - 1] = te;
    }
}

void device_append_rows(int const* index, long n_record, double const* values, long m) {
    for (long k = 0; k < n_record; ++k) {
        auto& elements = appended_to(index[k]);
        elements.resize(elements.size() + m);
    }
    std::vector<double*> column(n_record); // a Vector may take several records: its end moves
    for (long k = 0; k < n_record; ++k) {
        auto& elements = appended_to(index[k]);
        column[k] = elements.data() + elements.size() - m;
    }
    constexpr long kTile = 8; // rows and columns: cache lines of both are used whole
    for (long top = 0; top < m; top += kTile) {
        long const bottom = std::min(top + kTile, m);
        for (long left = 0; left < n_record; left += kTile) {
            long const right = std::min(left + kTile, n_record);
            for (long k = left; k < right; ++k) {
                for (long j = top; j < bottom; ++j) {
                    column[k][j] = values[j * n_record + k];
                }
            }
        }
    }
}

} // namespace heliox
