#include "device_network.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "device_model.hpp"
#include "device_queue_head.hpp"
#include "device_sources.hpp"

namespace heliox {
namespace {

PreSynView& view_of(PreSyn* source) { return *reinterpret_cast<PreSynView*>(source); }

// A NetCon as it was read, in NEURON's order.
struct Connection {
    NetConView* netcon;
    Point_process* target;
    double* weight;
    double delay;
    bool operator==(Connection const& other) const {
        return netcon == other.netcon && target == other.target && weight == other.weight &&
               delay == other.delay;
    }
};

// A source's active NetCons of both kinds.
struct Source {
    std::vector<void*> others;
    bool grouped =
        false; // it stands in NEURON's queue itself: all delays were the same at the start of the run
    double group_delay = 0;
};

struct Image {
    DeviceNetwork network;
    std::vector<Connection> connections;
    std::vector<int64_t> of_sorted; // the connection behind each of the network's rows
    std::vector<int64_t> weight;    // [n + 1] first element of each connection's weights
    std::vector<Source> sources;
    std::vector<PreSyn*> presyns;
    std::vector<int> types, written;
    unsigned generation = 0;
    std::vector<std::pair<uint64_t, int64_t>> written_rows; // address, first element: sorted
    bool current = false;
};

// A spike with something left to deliver.
struct Flying {
    double base; // ms
    int source;
    int64_t next; // NetCon that is to be asked for next
};

struct Pending {
    int64_t at;
    double te, base;
    int64_t end;
    bool operator<(Pending const& other) const { return te > other.te; } // earliest on top
};

Image image_;
bool active_ = false, exact_ = false;
std::vector<Flying> flying_, landed_; // landed: with the window that was asked for last
std::vector<Pending> heap_;           // NetCons of `flying_` after some time, one a spike
bool heap_is_current_ = false;

bool contains(std::vector<int> const& list, int value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

// What the walk over NEURON's lists finds, to be compared with the image.
class Walk {
  public:
    Walk(std::vector<int> const& types) : takes_(n_memb_func, 0) {
        for (int type: types) {
            takes_[type] = !nrn_is_artificial_[type];
        }
    }
    void run() {
        for (auto* presyn: device_sources_read().source) {
            first.push_back((int64_t)connections.size());
            read(view_of(presyn));
        }
        first.push_back((int64_t)connections.size());
    }

    std::vector<Connection> connections;
    std::vector<Source> sources;
    std::vector<int64_t> first;

  private:
    void read(PreSynView const& presyn) {
        Source source;
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
        sources.push_back(std::move(source));
    }

    std::vector<char> takes_;
};

int type_of(Connection const& connection) {
    return _nrn_mechanism_get_type(connection.target->prop);
}

bool same_sources(std::vector<Source> const& a, std::vector<Source> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](Source const& x, Source const& y) {
        return x.others == y.others && x.grouped == y.grouped && x.group_delay == y.group_delay;
    });
}

std::vector<size_t> storage_offsets() {
    std::vector<size_t> offsets(n_memb_func, 0);
    for (auto* tml = nrn_threads[0].tml; tml; tml = tml->next) {
        offsets[tml->index] = tml->ml->get_storage_offset();
    }
    return offsets;
}

void sort_by_delay(Image& image, std::vector<int64_t> const& first) {
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

void fill_network(Image& image, std::vector<int64_t> first) {
    sort_by_delay(image, first);
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
    network.first = std::move(first);
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
bool read_weights(Image& image) {
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

bool order_is_free(Image const& image) {
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

// The first of a source's NetCons that a spike delivers after `now`.
int64_t first_after(Flying const& spike, double now) {
    auto const& network = image_.network;
    auto const begin = network.delay.begin();
    auto const at = std::partition_point(begin + network.first[spike.source],
                                         begin + network.first[spike.source + 1],
                                         [&](double delay) { return spike.base + delay <= now; });
    return at - begin;
}

void fill_heap() {
    heap_.clear();
    for (auto const& spike: flying_) {
        double const te = spike.base + image_.network.delay[spike.next];
        heap_.push_back({spike.next, te, spike.base, image_.network.first[spike.source + 1]});
    }
    std::make_heap(heap_.begin(), heap_.end());
    heap_is_current_ = true;
}

// Time of the earliest pending event after `now`, which does not go back within a window; -1 without one.
double next_after(double now) {
    if (!heap_is_current_) {
        fill_heap();
    }
    while (!heap_.empty() && heap_.front().te <= now) {
        std::pop_heap(heap_.begin(), heap_.end());
        Pending& spike = heap_.back();
        do {
            ++spike.at;
        } while (spike.at < spike.end && spike.base + image_.network.delay[spike.at] <= now);
        if (spike.at == spike.end) {
            heap_.pop_back();
        } else {
            spike.te = spike.base + image_.network.delay[spike.at];
            std::push_heap(heap_.begin(), heap_.end());
        }
    }
    return heap_.empty() ? -1 : heap_.front().te;
}

// Its NetCons and its membership in a group are out of sight while a source sends.
class Without {
  public:
    Without(PreSynView& view, std::vector<void*>& others) : view_(view), others_(others) { swap(); }
    ~Without() { swap(); }

  private:
    void swap() {
        std::swap(view_.netcons, others_);
        std::swap(view_.use_min_delay, grouped_);
    }
    PreSynView& view_;
    std::vector<void*>& others_;
    int grouped_ = 0;
};

} // namespace

DeviceNetwork const& device_network(std::vector<int> const& types,
                                    std::vector<int> const& written) {
    device_model();
    Walk walk(types);
    walk.run();
    Image& image = image_;
    auto& network = image.network;
    auto const& presyns = device_sources_read().source;
    bool changed = false;
    if (image.generation != device_generation() || image.types != types ||
        image.written != written || image.presyns != presyns ||
        image.connections != walk.connections || !same_sources(image.sources, walk.sources)) {
        image.generation = device_generation();
        image.types = types;
        image.written = written;
        image.presyns = presyns;
        image.connections = std::move(walk.connections);
        image.sources = std::move(walk.sources);
        fill_network(image, std::move(walk.first));
        ++network.version;
        changed = true;
    }
    if (read_weights(image) || changed) {
        ++network.weight_version;
        network.order_free = order_is_free(image);
    }
    image.current = true;
    return network;
}

void device_network_begin(bool exact) {
    if (!image_.current || image_.presyns != device_sources_read().source) {
        throw std::runtime_error("device_network() is to be called before the device fans out");
    }
    image_.current = false;
    flying_.clear();
    landed_.clear();
    heap_is_current_ = false;
    active_ = true;
    exact_ = exact;
}

DeviceDue device_network_due(double t) {
    DeviceDue due;
    std::vector<Flying> left;
    landed_.clear();
    for (auto& spike: flying_) {
        int64_t const end = first_after(spike, t);
        if (end > spike.next) {
            due.base.push_back(spike.base);
            due.first.push_back(spike.next);
            due.count.push_back((int)(end - spike.next));
        }
        spike.next = end;
        (end < image_.network.first[spike.source + 1] ? left : landed_).push_back(spike);
    }
    flying_ = std::move(left);
    heap_is_current_ = false;
    return due;
}

void device_network_end(double const* weights) {
    if (!active_) {
        return;
    }
    active_ = false;
    for (auto const& [address, first]: image_.written_rows) {
        if (weights) {
            // rows are sorted by address, elements are not
            auto const next = std::upper_bound(image_.weight.begin(), image_.weight.end(), first);
            std::copy(weights + first, weights + *next, reinterpret_cast<double*>(address));
            std::copy(weights + first, weights + *next, image_.network.weights.begin() + first);
        }
    }
    TQueue& queue = *net_cvode_instance_event_queue(nrn_threads);
    QueueHead head(queue);
    head.want(true);
    for (auto const& spike: flying_) {
        auto const& source = image_.sources[spike.source];
        if (source.grouped && source.others.empty()) {
            queue.insert(spike.base, image_.presyns[spike.source]);
            continue;
        }
        for (auto i = spike.next; i < image_.network.first[spike.source + 1]; ++i) {
            queue.insert(spike.base + image_.network.delay[i],
                         image_.connections[image_.of_sorted[i]].netcon);
        }
    }
    flying_.clear();
    landed_.clear();
}

std::vector<int64_t> device_network_rows(std::vector<uint64_t> const& addresses) {
    std::vector<int64_t> rows;
    auto const& known = image_.written_rows;
    for (uint64_t address: addresses) {
        auto const at =
            std::lower_bound(known.begin(), known.end(), std::pair(address, (int64_t)0));
        bool const found = active_ && at != known.end() && at->first == address;
        rows.push_back(found ? at->second : -1);
    }
    return rows;
}

void device_network_send(int source, PreSyn* presyn, double t, NrnThread& nt) {
    auto const& first = image_.network.first;
    if (!active_ || first[source] == first[source + 1]) {
        presyn->send(t, net_cvode_instance, &nt);
        return;
    }
    auto& known = image_.sources[source];
    flying_.push_back({t + known.group_delay, source, first[source]});
    heap_is_current_ = false;
    Without const hidden(view_of(presyn), known.others);
    presyn->send(t, net_cvode_instance, &nt);
}

void NetworkHead::insert(double te) {
    TQItem* const least = queue_.least;
    if (!least || least->t <= te) {
        head_ = queue_.insert(te, nullptr);
        return;
    }
    double const least_te = least->t;
    least->t = -1e300; // goes back in front of its equals
    head_ = queue_.insert(-1e301, nullptr);
    head_->t = te;
    least->t = least_te;
}

bool NetworkHead::make_way() {
    if (!active_ || !exact_) {
        return false;
    }
    bool const first = queue_.least == head_;
    double const now = queue_.least->t;
    if (head_ && (first || head_->t <= now)) {
        remove();
    }
    if (first) {
        return true;
    }
    if (!head_) {
        if (double const te = next_after(now); te > now) {
            insert(te);
        }
    }
    return false;
}

void NetworkHead::recall(double now) {
    if (!active_ || !exact_) {
        return;
    }
    remove();
    double least = -1;
    for (auto const* list: {&flying_, &landed_}) {
        for (auto const& spike: *list) {
            int64_t const at = first_after(spike, now);
            if (at < image_.network.first[spike.source + 1]) {
                double const te = spike.base + image_.network.delay[at];
                least = least < 0 ? te : std::min(least, te);
            }
        }
    }
    if (least > now) {
        insert(least);
    }
}

void NetworkHead::remove() {
    if (head_) {
        queue_.remove(head_);
        head_ = nullptr;
    }
}

} // namespace heliox
