#include "device_transfer.hpp"

#include <cstring>

#include "columns.hpp"
#include "device_model.hpp"
#include "neuron_model.hpp"

namespace heliox {
namespace {

// Values that no model holds: finite, about 1e300.
constexpr uint64_t kMark = 0x7e37ull << 48;

struct Stretch {
    double* data;
    size_t n;
    size_t first; // number of its first mark
    std::vector<double> saved;
};

double mark(size_t k) {
    uint64_t const bits = kMark | k;
    double value;
    std::memcpy(&value, &bits, 8);
    return value;
}

uint64_t bits_of(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    return bits;
}

// v and every column of a mechanism, artificial cells included, marked until the end of its life.
class Marked {
  public:
    Marked() {
        DeviceModel const& model = device_model();
        add(model.node[0].data, model.n_node);
        for (auto const& mechanism: model.mechanisms) {
            for (auto const& field: mechanism.fields) {
                add(field.data, (size_t)mechanism.n * field.dim);
            }
        }
        for (int type = 0; type < n_memb_func; ++type) {
            if (nrn_is_artificial_[type] && memb_list[type].nodecount > 0) {
                add_cells(type);
            }
        }
        for (auto& stretch: all_) {
            for (size_t i = 0; i < stretch.n; ++i) {
                stretch.data[i] = mark(stretch.first + i);
            }
        }
    }
    ~Marked() {
        for (auto& stretch: all_) {
            std::copy(stretch.saved.begin(), stretch.saved.end(), stretch.data);
        }
    }
    Marked(Marked const&) = delete;
    Marked& operator=(Marked const&) = delete;

    DeviceTransfer changed() const {
        DeviceTransfer found;
        for (auto const& stretch: all_) {
            for (size_t i = 0; i < stretch.n; ++i) {
                uint64_t const bits = bits_of(stretch.data[i]);
                if (bits != (kMark | (stretch.first + i))) {
                    found.target.push_back(reinterpret_cast<uint64_t>(stretch.data + i));
                    found.source.push_back(address(bits));
                }
            }
        }
        return found;
    }

  private:
    void add(double* data, size_t n) {
        if (data && n) {
            all_.push_back({data, n, count_, std::vector<double>(data, data + n)});
            count_ += n;
        }
    }
    void add_cells(int type) {
        auto const* dims = neuron::mechanism::get_array_dims<double>(type);
        auto* const* data = neuron::mechanism::get_data_ptrs<double>(type);
        int const n_field = neuron::mechanism::get_field_count<double>(type);
        for (int i = 0; i < n_field; ++i) {
            add(data[i], (size_t)memb_list[type].nodecount * dims[i]);
        }
    }
    // 0: a source outside of the marked columns.
    uint64_t address(uint64_t bits) const {
        if (bits >> 48 != kMark >> 48) {
            return 0;
        }
        size_t const k = bits & ((1ull << 48) - 1);
        for (auto const& stretch: all_) {
            if (k >= stretch.first && k < stretch.first + stretch.n) {
                return reinterpret_cast<uint64_t>(stretch.data + (k - stretch.first));
            }
        }
        return 0;
    }

    std::vector<Stretch> all_;
    size_t count_ = 1;
};

} // namespace

DeviceTransfer device_transfer() {
    if (!nrnthread_v_transfer_) {
        return {};
    }
    Marked const marked;
    nrnthread_v_transfer_(nrn_threads);
    return marked.changed();
}

} // namespace heliox
