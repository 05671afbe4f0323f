// A pool of worker threads for passes over blocks: run() hands each worker its share and returns when all
// are done. Workers spin briefly, then sleep, so that an idle simulation costs nothing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace heliox {

class Pool {
  public:
    explicit Pool(int n_thread);
    ~Pool();
    Pool(Pool const&) = delete;
    Pool& operator=(Pool const&) = delete;

    int size() const { return n_thread_; }

    // Calls job(context, thread) for thread 0 .. size()-1, thread 0 on the caller. The job must not throw.
    void run(void (*job)(void*, int), void* context);

    template <class Callable>
    void each(Callable& callable) {
        run([](void* c, int thread) { (*static_cast<Callable*>(c))(thread); }, &callable);
    }

  private:
    void work(int thread);
    bool wait_for_job(unsigned seen);

    int n_thread_;
    std::vector<std::thread> workers_;
    std::atomic<unsigned> generation_{0};
    std::atomic<int> remaining_{0};
    std::atomic<bool> stop_{false};
    std::atomic<int> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    void (*job_)(void*, int) = nullptr;
    void* context_ = nullptr;
};

// The pool of this process with n_thread threads; made anew when the number changes and after a fork
// (threads do not survive it).
Pool& pool(int n_thread);

} // namespace heliox
