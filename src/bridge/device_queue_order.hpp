// NEURON's event queue as it would be if the device's events had been in it all along.
//
// NEURON keeps the head of its queue (`least_`) outside a tree that is first in, first out among equal times.
// Something earlier than the head puts the head back behind its equals; nothing else changes their order. While the
// host runs its queue ahead of a device, events that the device sends are missing there, and with them what they would
// have displaced. Here every entry has a number, so that the operations of both sides can be done again in NEURON's
// order when the window is done.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "device_decl.hpp"

namespace heliox {

class QueueOrder {
  public:
    // What NEURON's queue holds, under numbers from 0 on in its order. Returns the items in that order.
    std::vector<TQItem*> read(TQueue& queue);

    // item: null for what is not in NEURON's queue yet.
    void insert(long id, double t, TQItem* item);
    void move(long id, double t);
    void remove(long id);
    void bind(long id, TQItem* item) { entries_.at(id).item = item; }
    // The head leaves the queue. Not on an empty one.
    long pop();

    bool empty() const { return head_ < 0; }
    bool holds(long id) const { return entries_.count(id) > 0; }
    long head() const { return head_; }
    double head_time() const { return entries_.at(head_).t; } // ms
    double time(long id) const { return entries_.at(id).t; }  // ms

    // Times at which the order of equals may have changed since the last call.
    std::set<double> take_changed() { return std::exchange(changed_, {}); }
    void note_change(double t) { changed_.insert(t); }
    // Entries of a time, in order; NEURON's items of them.
    std::vector<long> at(double t) const;
    std::vector<TQItem*> items(double t) const;

  private:
    struct Entry {
        double t;
        uint64_t place; // among its equals
        TQItem* item;
    };
    void enqueue(long id);
    void displace_head();
    void take_head();

    std::unordered_map<long, Entry> entries_;
    std::map<std::pair<double, uint64_t>, long> tree_;
    long head_ = -1;
    uint64_t place_ = 0;
    std::set<double> changed_;
};

} // namespace heliox
