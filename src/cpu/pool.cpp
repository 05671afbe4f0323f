#include "pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <chrono>

namespace heliox {
namespace {

// About 20 us on current machines: longer than the serial part of a small model's step, shorter than a
// scheduler's time slice. Yielding keeps more threads than cores from stalling one another.
constexpr int kSpin = 2000;

inline void relax(int i) {
    if ((i & 63) == 63) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

} // namespace

Pool::Pool(int n_thread) : n_thread_(n_thread < 1 ? 1 : n_thread) {
    for (int i = 1; i < n_thread_; ++i) {
        workers_.emplace_back([this, i] { work(i); });
    }
}

Pool::~Pool() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
        ++generation_;
    }
    wake_.notify_all();
    for (auto& worker: workers_) {
        worker.join();
    }
}

void Pool::run(void (*job)(void*, int), void* context) {
    if (n_thread_ == 1) {
        job(context, 0);
        return;
    }
    job_ = job;
    context_ = context;
    remaining_.store(n_thread_ - 1, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) {
        std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_all();
    }
    job(context, 0);
    for (int i = 0; remaining_.load(std::memory_order_acquire) != 0; ++i) {
        relax(i);
    }
}

bool Pool::wait_for_job(unsigned seen) {
    for (int i = 0; i < kSpin; ++i) {
        if (generation_.load(std::memory_order_acquire) != seen) {
            return !stop_;
        }
        relax(i);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [&] { return generation_.load(std::memory_order_seq_cst) != seen; });
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    return !stop_;
}

void Pool::work(int thread) {
    unsigned seen = 0;
    while (wait_for_job(seen)) {
        ++seen;
        job_(context_, thread);
        remaining_.fetch_sub(1, std::memory_order_release);
    }
}

namespace {
std::atomic<bool> forked{false};
Pool* current = nullptr;
} // namespace

Pool& pool(int n_thread) {
    static int const registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
    (void)registered;
    if (forked.exchange(false)) {
        current = nullptr; // its threads live in the parent only: joining them here would hang
    }
    if (!current || current->size() != n_thread) {
        delete current;
        current = nullptr;
        current = new Pool(n_thread);
    }
    return *current;
}

} // namespace heliox
