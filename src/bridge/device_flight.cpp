// Spikes whose events a device delivers, from the time they are sent to their last NetCon.
#include <algorithm>
#include <stdexcept>

#include "device_network_image.hpp"
#include "device_queue_head.hpp"
#include "device_sources.hpp"

namespace heliox {
namespace {

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

bool active_ = false, exact_ = false;
std::vector<Flying> flying_, landed_; // landed: with the window that was asked for last
std::vector<Pending> heap_;           // NetCons of `flying_` after some time, one a spike
bool heap_is_current_ = false;

// The first of a source's NetCons that a spike delivers after `now`.
int64_t first_after(Flying const& spike, double now) {
    auto const& network = network_image().network;
    auto const begin = network.delay.begin();
    auto const at = std::partition_point(begin + network.first[spike.source],
                                         begin + network.first[spike.source + 1],
                                         [&](double delay) { return spike.base + delay <= now; });
    return at - begin;
}

void fill_heap() {
    heap_.clear();
    for (auto const& spike: flying_) {
        double const te = spike.base + network_image().network.delay[spike.next];
        heap_.push_back(
            {spike.next, te, spike.base, network_image().network.first[spike.source + 1]});
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
        } while (spike.at < spike.end &&
                 spike.base + network_image().network.delay[spike.at] <= now);
        if (spike.at == spike.end) {
            heap_.pop_back();
        } else {
            spike.te = spike.base + network_image().network.delay[spike.at];
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

void device_network_begin(bool exact) {
    if (!network_image().current || network_image().presyns != device_sources_read().source) {
        throw std::runtime_error("device_network() is to be called before the device fans out");
    }
    network_image().current = false;
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
        (end < network_image().network.first[spike.source + 1] ? left : landed_).push_back(spike);
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
    for (auto const& [address, first]: network_image().written_rows) {
        if (weights) {
            // rows are sorted by address, elements are not
            auto const next = std::upper_bound(network_image().weight.begin(),
                                               network_image().weight.end(), first);
            std::copy(weights + first, weights + *next, reinterpret_cast<double*>(address));
            std::copy(weights + first, weights + *next,
                      network_image().network.weights.begin() + first);
        }
    }
    TQueue& queue = *net_cvode_instance_event_queue(nrn_threads);
    QueueHead head(queue);
    head.want(true);
    for (auto const& spike: flying_) {
        auto const& source = network_image().sources[spike.source];
        if (source.grouped && source.others.empty()) {
            queue.insert(spike.base, network_image().presyns[spike.source]);
            continue;
        }
        for (auto i = spike.next; i < network_image().network.first[spike.source + 1]; ++i) {
            queue.insert(spike.base + network_image().network.delay[i],
                         network_image().connections[network_image().of_sorted[i]].netcon);
        }
    }
    flying_.clear();
    landed_.clear();
}

std::vector<int64_t> device_network_rows(std::vector<uint64_t> const& addresses) {
    std::vector<int64_t> rows;
    auto const& known = network_image().written_rows;
    for (uint64_t address: addresses) {
        auto const at =
            std::lower_bound(known.begin(), known.end(), std::pair(address, (int64_t)0));
        bool const found = active_ && at != known.end() && at->first == address;
        rows.push_back(found ? at->second : -1);
    }
    return rows;
}

void device_network_send(int source, PreSyn* presyn, double t, NrnThread& nt) {
    auto const& network = network_image().network;
    auto const& first = network.first;
    if (!active_ || first[source] == first[source + 1]) {
        presyn->send(t, net_cvode_instance, &nt);
        return;
    }
    auto& known = network_image().sources[source];
    if (exact_) {
        TQueue& queue = *net_cvode_instance_event_queue(&nt);
        NetworkHead(queue).displace(nt._t, t + known.group_delay + network.delay[first[source]]);
    }
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
            if (at < network_image().network.first[spike.source + 1]) {
                double const te = spike.base + network_image().network.delay[at];
                least = least < 0 ? te : std::min(least, te);
            }
        }
    }
    if (least > now) {
        insert(least);
    }
}

void NetworkHead::displace(double now, double te) {
    if (queue_.least && te < queue_.least->t) {
        recall(now);
        queue_.remove(queue_.insert(te, nullptr));
        remove();
    }
}

void NetworkHead::remove() {
    if (head_) {
        queue_.remove(head_);
        head_ = nullptr;
    }
}

} // namespace heliox
