// Sees what NEURON's own functions put into its event queue, move and take out.
//
// Calls of TQueue's functions inside NEURON's library go through its table of addresses; while a device engine keeps
// the order of equal times they lead here first.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "device_queue_order.hpp"

namespace heliox {

// One change of the queue, or (row) one call of NET_RECEIVE on the device, of the delivery that made it.
struct QueueOp {
    enum class Kind { insert, move, remove, row };
    Kind kind;
    long id;      // of the entry; row: index of the window's event
    double t = 0; // ms
    TQItem* item = nullptr;
};

class QueueWatch {
  public:
    // Why this library of NEURON's cannot be watched; empty: it can.
    static std::string obstacle();

    void begin(TQueue& queue); // reads what is in the queue
    void end();
    bool active() const { return queue_ != nullptr; }
    QueueOrder& order() { return order_; }

    // From now on operations are written down (null: they are done in order()).
    void write_down(std::vector<QueueOp>* ops) { ops_ = ops; }
    // Entries of order() that NEURON's next insertions are. Returns how many of the last ones never came, or came at
    // another time.
    size_t expect(std::vector<long> ids);

    long number() { return next_++; }
    long id_of(TQItem const* item) const;
    long take(TQItem const* item); // that leaves the queue
    void replace(TQItem const* old, TQItem* item);

    // NEURON's queue in the order of order(), where that may have changed.
    void arrange();

    void inserted(double t, TQItem* item, TQItem const* head, double head_t);
    void moved(TQItem* item, double t);
    void removed(TQItem* item);
    bool is_of(TQueue const* queue) const { return queue == queue_; }

  private:
    TQueue* queue_ = nullptr;
    QueueOrder order_;
    std::unordered_map<TQItem const*, long> ids_;
    std::vector<QueueOp>* ops_ = nullptr;
    std::vector<long> expected_;
    size_t n_expected_ = 0;   // that came
    size_t n_unexpected_ = 0; // of these, at another time
    long next_ = 0;
};

QueueWatch& queue_watch();

} // namespace heliox
