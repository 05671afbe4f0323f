// NEURON's watchdog of psolve, while work of ours takes its time.
#pragma once

#include <sys/time.h>

namespace heliox {

// psolve arms a watchdog that ends the process when t has not moved for 20 s (nrn_timeout): compiling a large
// model's mechanisms for the first time may take longer, and so may what a device engine prepares. It goes on with
// the time that was left.
class WatchdogPaused {
  public:
    WatchdogPaused() {
        itimerval const off{};
        setitimer(ITIMER_REAL, &off, &before_);
    }
    ~WatchdogPaused() {
        bool const armed = before_.it_value.tv_sec || before_.it_value.tv_usec;
        if (armed) {
            setitimer(ITIMER_REAL, &before_, nullptr);
        }
    }
    WatchdogPaused(WatchdogPaused const&) = delete;
    WatchdogPaused& operator=(WatchdogPaused const&) = delete;

  private:
    itimerval before_{};
};

} // namespace heliox
