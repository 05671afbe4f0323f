#include "device_queue_watch.hpp"

#include <array>
#include <utility>

#include "device_queue_head.hpp"
#include "got_hook.hpp"

namespace heliox {
namespace {

TQItem* insert_seen(TQueue* queue, double t, void* data);
void move_seen(TQueue* queue, TQItem* item, double t);
void remove_seen(TQueue* queue, TQItem* item);

using Insert = TQItem* (*)(TQueue*, double, void*);
using Move = void (*)(TQueue*, TQItem*, double);
using Remove = void (*)(TQueue*, TQItem*);

std::array<GotHook*, 3> hooks() {
    static auto* const inside = reinterpret_cast<void*>(&nrn_version);
    static GotHook insert("_ZN6TQueue6insertEdPv", inside, reinterpret_cast<void*>(&insert_seen));
    static GotHook move("_ZN6TQueue4moveEP6TQItemd", inside, reinterpret_cast<void*>(&move_seen));
    static GotHook remove("_ZN6TQueue6removeEP6TQItem", inside,
                          reinterpret_cast<void*>(&remove_seen));
    return {&insert, &move, &remove};
}

TQItem* insert_seen(TQueue* queue, double t, void* data) {
    TQItem const* const head = queue->least;
    double const head_t = head ? head->t : 0;
    TQItem* const item = reinterpret_cast<Insert>(hooks()[0]->original())(queue, t, data);
    if (queue_watch().is_of(queue)) {
        queue_watch().inserted(t, item, head, head_t);
    }
    return item;
}

void move_seen(TQueue* queue, TQItem* item, double t) {
    reinterpret_cast<Move>(hooks()[1]->original())(queue, item, t);
    if (queue_watch().is_of(queue)) {
        queue_watch().moved(item, t);
    }
}

void remove_seen(TQueue* queue, TQItem* item) {
    if (item && queue_watch().is_of(queue)) {
        queue_watch().removed(item);
    }
    reinterpret_cast<Remove>(hooks()[2]->original())(queue, item);
}

} // namespace

QueueWatch& queue_watch() {
    static QueueWatch watch;
    return watch;
}

std::string QueueWatch::obstacle() {
    for (GotHook* const hook: hooks()) {
        if (std::string why = hook->find(); !why.empty()) {
            return why;
        }
    }
    return {};
}

void QueueWatch::begin(TQueue& queue) {
    queue_ = &queue; // end() is to follow, whatever happens
    ops_ = nullptr;
    expected_.clear();
    n_expected_ = n_unexpected_ = 0;
    ids_.clear();
    next_ = 0;
    for (GotHook* const hook: hooks()) {
        hook->install();
    }
    for (TQItem const* item: order_.read(queue)) {
        ids_[item] = next_++;
    }
}

void QueueWatch::end() {
    queue_ = nullptr;
    for (GotHook* const hook: hooks()) {
        hook->uninstall();
    }
    ops_ = nullptr;
    order_ = {};
    ids_.clear();
}

size_t QueueWatch::expect(std::vector<long> ids) {
    size_t const missing = expected_.size() - n_expected_ + std::exchange(n_unexpected_, 0);
    for (; n_expected_ < expected_.size(); ++n_expected_) {
        order_.remove(expected_[n_expected_]);
    }
    expected_ = std::move(ids);
    n_expected_ = 0;
    return missing;
}

long QueueWatch::id_of(TQItem const* item) const {
    auto const it = ids_.find(item);
    return it == ids_.end() ? -1 : it->second;
}

long QueueWatch::take(TQItem const* item) {
    auto const it = ids_.find(item);
    if (it == ids_.end()) {
        return -1;
    }
    long const id = it->second;
    ids_.erase(it);
    return id;
}

void QueueWatch::replace(TQItem const* old, TQItem* item) {
    long const id = take(old);
    ids_[item] = id;
    if (order_.holds(id)) {
        order_.bind(id, item);
    }
    for (size_t k = ops_ ? ops_->size() : 0; k > 0; --k) {
        if (auto& op = (*ops_)[k - 1]; op.kind == QueueOp::Kind::insert && op.id == id) {
            op.item = item;
            break;
        }
    }
}

void QueueWatch::inserted(double t, TQItem* item, TQItem const* head, double head_t) {
    if (ops_) {
        long const id = number();
        ids_[item] = id;
        ops_->push_back({QueueOp::Kind::insert, id, t, item});
        if (head && t < head_t) {
            order_.note_change(head_t);
        }
        return;
    }
    if (n_expected_ < expected_.size()) {
        long const id = expected_[n_expected_++];
        ids_[item] = id;
        n_unexpected_ += order_.time(id) != t;
        order_.bind(id, item);
        order_.note_change(t);
        return;
    }
    long const id = number();
    ids_[item] = id;
    order_.insert(id, t, item);
}

void QueueWatch::moved(TQItem* item, double t) {
    long const id = id_of(item);
    if (ops_) {
        ops_->push_back({QueueOp::Kind::move, id, t});
        order_.note_change(t);
    } else if (order_.holds(id)) {
        order_.move(id, t);
    }
}

void QueueWatch::removed(TQItem* item) {
    long const id = take(item);
    if (ops_) {
        ops_->push_back({QueueOp::Kind::remove, id});
    } else if (order_.holds(id)) {
        order_.remove(id);
    }
}

void QueueWatch::arrange() {
    QueueHead head(*queue_);
    head.want(true); // each goes behind its equals, nothing is displaced
    for (double const t: order_.take_changed()) {
        auto const items = order_.items(t);
        for (size_t i = 0; items.size() > 1 && i < items.size(); ++i) {
            if (items[i]) {
                queue_->move(items[i], t);
            }
        }
    }
}

} // namespace heliox
