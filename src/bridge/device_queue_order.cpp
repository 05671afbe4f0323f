#include "device_queue_order.hpp"

namespace heliox {
namespace {

std::vector<TQItem*>* found_ = nullptr; // NEURON's callback takes no context

} // namespace

std::vector<TQItem*> QueueOrder::read(TQueue& queue) {
    *this = {};
    std::vector<TQItem*> items;
    found_ = &items;
    queue.forall_callback(
        [](TQItem const* item, int) { found_->push_back(const_cast<TQItem*>(item)); });
    found_ = nullptr;
    long id = 0;
    for (TQItem* const item: items) { // the head comes first
        entries_[id] = {item->t, 0, item};
        if (head_ < 0) {
            head_ = id;
        } else {
            enqueue(id);
        }
        ++id;
    }
    return items;
}

// Behind its equals.
void QueueOrder::enqueue(long id) {
    Entry& entry = entries_.at(id);
    entry.place = place_++;
    tree_.emplace_hint(tree_.end(), std::make_pair(entry.t, entry.place), id);
}

void QueueOrder::take_head() {
    head_ = -1;
    if (!tree_.empty()) {
        head_ = tree_.begin()->second;
        tree_.erase(tree_.begin());
    }
}

void QueueOrder::displace_head() {
    changed_.insert(entries_.at(head_).t);
    enqueue(head_);
}

void QueueOrder::insert(long id, double t, TQItem* item) {
    entries_[id] = {t, 0, item};
    if (head_ < 0) {
        head_ = id;
    } else if (t < head_time()) {
        displace_head();
        head_ = id;
    } else {
        enqueue(id);
    }
}

// As NEURON's: a head that moves to the time of the next one stays the head.
void QueueOrder::move(long id, double t) {
    Entry& entry = entries_.at(id);
    changed_.insert(t);
    if (id == head_) {
        entry.t = t;
        if (!tree_.empty() && t > tree_.begin()->first.first) {
            take_head();
            enqueue(id);
        }
        return;
    }
    tree_.erase({entry.t, entry.place});
    entry.t = t;
    if (t < head_time()) {
        displace_head();
        head_ = id;
    } else {
        enqueue(id);
    }
}

void QueueOrder::remove(long id) {
    Entry const& entry = entries_.at(id);
    if (id == head_) {
        take_head();
    } else {
        tree_.erase({entry.t, entry.place});
    }
    entries_.erase(id);
}

long QueueOrder::pop() {
    long const id = head_;
    remove(id);
    return id;
}

std::vector<long> QueueOrder::at(double t) const {
    std::vector<long> found;
    if (head_ >= 0 && head_time() == t) {
        found.push_back(head_);
    }
    for (auto it = tree_.lower_bound({t, 0}); it != tree_.end() && it->first.first == t; ++it) {
        found.push_back(it->second);
    }
    return found;
}

std::vector<TQItem*> QueueOrder::items(double t) const {
    std::vector<TQItem*> found;
    for (long const id: at(t)) {
        found.push_back(entries_.at(id).item);
    }
    return found;
}

} // namespace heliox
