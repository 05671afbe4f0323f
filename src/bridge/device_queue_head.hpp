// A stand-in for an event that NEURON's queue would have had as its next one.
//
// The head of NEURON's queue stays outside the queue's tree. When something earlier arrives it goes back into the
// tree, behind events of equal time: who was the head decides the order of equals. Where events that NEURON would have
// had are not there (delivered in a window that ran ahead, or kept by the device), a stand-in keeps that order.
#pragma once

#include "device_decl.hpp"

namespace heliox {

// Earlier than everything: nothing is displaced while it is there.
class QueueHead {
  public:
    explicit QueueHead(TQueue& queue) : queue_(queue) {}
    ~QueueHead() { remove(); }
    QueueHead(QueueHead const&) = delete;
    QueueHead& operator=(QueueHead const&) = delete;
    void want(bool wanted) {
        if (wanted && !head_) {
            insert();
        } else if (!wanted) {
            remove();
        }
    }

  private:
    void insert() {
        TQItem* const least = queue_.least;
        double const te = least ? least->t : 0;
        if (least) {
            least->t = -1e300; // goes back in front of its equals
        }
        head_ = queue_.insert(-1e301, nullptr);
        if (least) {
            least->t = te;
        }
    }
    void remove() {
        if (head_) {
            queue_.remove(head_);
            head_ = nullptr;
        }
    }

    TQueue& queue_;
    TQItem* head_ = nullptr;
};

} // namespace heliox
