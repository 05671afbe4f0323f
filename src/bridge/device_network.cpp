#include <algorithm>
#include <cstring>
#include <numeric>

#include "device_model.hpp"
#include "device_network_image.hpp"
#include "device_sources.hpp"

namespace heliox {
namespace {

bool contains(std::vector<int> const& list, int value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

// NEURON's lists, source by source.
class Walk {
  public:
    explicit Walk(std::vector<int> const& types) : takes_(n_memb_func, 0) {
        for (int type: types) {
            takes_[type] = !nrn_is_artificial_[type];
        }
    }
    void fill(NetworkImage& image) const;
    bool finds(NetworkImage const& image) const;

  private:
    NetworkSource read(PreSynView const& presyn, std::vector<NetworkConnection>& connections) const;

    std::vector<char> takes_;
};

NetworkSource Walk::read(PreSynView const& presyn,
                         std::vector<NetworkConnection>& connections) const {
    NetworkSource source;
    source.grouped = presyn.use_min_delay != 0;
    source.group_delay = source.grouped ? presyn.delay : 0;
    for (void* const entry: presyn.netcons) {
        auto& netcon = *static_cast<NetConView*>(entry);
        if (!netcon.active || !netcon.target) {
            continue;
        }
        // what NEURON adds to the group's time of delivery
        double const delay = netcon.delay - source.group_delay;
        int const type = _nrn_mechanism_get_type(netcon.target->prop);
        if (takes_[type] && (!source.grouped || delay == 0)) {
            connections.push_back({&netcon, netcon.target, netcon.weight, delay});
        } else {
            source.others.push_back(entry);
        }
    }
    return source;
}

void Walk::fill(NetworkImage& image) const {
    image.connections.clear();
    image.sources.clear();
    image.network.first.clear();
    for (auto* presyn: image.presyns) {
        image.network.first.push_back((int64_t)image.connections.size());
        image.sources.push_back(read(view_of(presyn), image.connections));
    }
    image.network.first.push_back((int64_t)image.connections.size());
}

// Whether that would fill the image as it is.
bool Walk::finds(NetworkImage const& image) const {
    std::vector<NetworkConnection> connections;
    for (size_t k = 0; k < image.presyns.size(); ++k) {
        connections.clear();
        auto const& known = image.connections.begin();
        auto const& first = image.network.first;
        if (!(read(view_of(image.presyns[k]), connections) == image.sources[k]) ||
            !std::equal(connections.begin(), connections.end(), known + first[k],
                        known + first[k + 1])) {
            return false;
        }
    }
    return true;
}

int type_of(NetworkConnection const& connection) {
    return _nrn_mechanism_get_type(connection.target->prop);
}

std::vector<size_t> storage_offsets() {
    std::vector<size_t> offsets(n_memb_func, 0);
    for (auto* tml = nrn_threads[0].tml; tml; tml = tml->next) {
        offsets[tml->index] = tml->ml->get_storage_offset();
    }
    return offsets;
}

void sort_by_delay(NetworkImage& image) {
    auto const& first = image.network.first;
    auto& order = image.of_sorted;
    order.resize(image.connections.size());
    std::iota(order.begin(), order.end(), 0);
    for (size_t k = 0; k + 1 < first.size(); ++k) {
        std::stable_sort(order.begin() + first[k], order.begin() + first[k + 1],
                         [&](int64_t a, int64_t b) {
                             return image.connections[a].delay < image.connections[b].delay;
                         });
    }
}

void fill_network(NetworkImage& image) {
    sort_by_delay(image);
    auto& network = image.network;
    size_t const n = image.connections.size();
    auto const offsets = storage_offsets();
    image.weight.assign(1, 0);
    image.written_rows.clear();
    for (auto const& connection: image.connections) {
        int const type = type_of(connection);
        if (contains(image.written, type) && connection.weight) {
            image.written_rows.emplace_back(reinterpret_cast<uint64_t>(connection.weight),
                                            image.weight.back());
        }
        image.weight.push_back(image.weight.back() +
                               (connection.weight ? pnt_receive_size[type] : 0));
    }
    std::sort(image.written_rows.begin(), image.written_rows.end());
    network.delay.resize(n);
    network.mechanism.resize(n);
    network.instance.resize(n);
    network.weight.resize(n);
    for (size_t i = 0; i < n; ++i) {
        auto const& connection = image.connections[image.of_sorted[i]];
        int const type = type_of(connection);
        network.delay[i] = connection.delay;
        network.mechanism[i] = device_mechanism_index(type);
        network.instance[i] =
            (int)(neuron::mechanism::_get::_current_row(connection.target->prop) - offsets[type]);
        network.weight[i] = connection.weight ? image.weight[image.of_sorted[i]] : -1;
    }
    network.weights.assign(image.weight.back(), 0.);
    network.others.clear();
    for (auto const& source: image.sources) {
        network.others.push_back(!source.others.empty());
    }
}

// True if some weight is not what it was.
bool read_weights(NetworkImage& image) {
    bool changed = false;
    for (size_t i = 0; i < image.connections.size(); ++i) {
        double* const ours = image.network.weights.data() + image.weight[i];
        size_t const bytes = 8 * (size_t)(image.weight[i + 1] - image.weight[i]);
        if (bytes && std::memcmp(ours, image.connections[i].weight, bytes) != 0) {
            std::memcpy(ours, image.connections[i].weight, bytes);
            changed = true;
        }
    }
    return changed;
}

bool order_is_free(NetworkImage const& image) {
    auto const& network = image.network;
    std::vector<std::vector<int64_t>> seen; // by mechanism and instance, a row; -1: none
    for (size_t i = 0; i < network.delay.size(); ++i) {
        auto const m = (size_t)network.mechanism[i];
        if (seen.size() <= m) {
            seen.resize(m + 1);
        }
        auto const at = (size_t)network.instance[i];
        if (seen[m].size() <= at) {
            seen[m].resize(std::max(at + 1, 2 * seen[m].size()), -1);
        }
        int64_t& one = seen[m][at];
        if (one < 0) {
            one = (int64_t)i;
            continue;
        }
        int64_t const a = image.of_sorted[one], b = image.of_sorted[i];
        auto const width = image.weight[a + 1] - image.weight[a];
        if (contains(image.written, type_of(image.connections[b])) ||
            width != image.weight[b + 1] - image.weight[b] ||
            !std::equal(network.weights.begin() + image.weight[a],
                        network.weights.begin() + image.weight[a + 1],
                        network.weights.begin() + image.weight[b])) {
            return false;
        }
    }
    return true;
}

} // namespace

NetworkImage& network_image() {
    static NetworkImage image;
    return image;
}

DeviceNetwork const& device_network(std::vector<int> const& types,
                                    std::vector<int> const& written) {
    device_model();
    NetworkImage& image = network_image();
    auto& network = image.network;
    Walk const walk(types);
    bool const changed = image.generation != device_generation() || image.types != types ||
                         image.written != written ||
                         image.presyns != device_sources_read().source || !walk.finds(image);
    if (changed) {
        image.generation = device_generation();
        image.types = types;
        image.written = written;
        image.presyns = device_sources_read().source;
        walk.fill(image);
        fill_network(image);
        ++network.version;
    }
    if (read_weights(image) || changed) {
        ++network.weight_version;
        network.order_free = order_is_free(image);
    }
    image.current = true;
    return network;
}

} // namespace heliox
