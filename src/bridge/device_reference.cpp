// A window's steps and events through NEURON's own functions: what a device engine is compared with in the tests, and
// events that no device is to deliver.
#include <cerrno>

#include "device_decl.hpp"
#include "device_model.hpp"
#include "device_watch.hpp"
#include "device_window.hpp"

namespace heliox {
namespace {

class Replay {
  public:
    Replay(DeviceWindow const& window, int step) : window_(window), step_(step), now_(nt_._t) {}
    ~Replay() { nt_._t = now_; }
    Replay(Replay const&) = delete;
    Replay& operator=(Replay const&) = delete;

    void phase(int phase);
    void play(int half);
    void currents(neuron::model_sorted_token const& token);
    void states(neuron::model_sorted_token const& token);

    std::vector<double> samples;

  private:
    void touches_before(int event, int phase);

    DeviceWindow const& window_;
    int step_;
    NrnThread& nt_ = nrn_threads[0];
    double now_;
    size_t write_ = 0, sample_ = 0;
};

double& at(uint64_t address) { return *reinterpret_cast<double*>(address); }

void Replay::touches_before(int event, int phase) {
    auto next = [&](std::vector<DeviceTouch> const& touches, size_t& i) -> DeviceTouch const* {
        while (i < touches.size() && (touches[i].step < step_ ||
                                      (touches[i].step == step_ && touches[i].phase < phase))) {
            ++i;
        }
        bool const due = i < touches.size() && touches[i].step == step_ &&
                         touches[i].phase == phase && touches[i].before <= event;
        return due ? &touches[i] : nullptr;
    };
    for (;;) {
        auto const* write = next(window_.writes, write_);
        auto const* sample = next(window_.samples, sample_);
        if (write && (!sample || write->order < sample->order)) {
            at(write->address) = write->value;
            ++write_;
        } else if (sample) {
            samples.push_back(at(sample->address));
            ++sample_;
        } else {
            return;
        }
    }
}

void Replay::phase(int phase) {
    for (size_t i = 0; i < window_.events.size(); ++i) {
        auto const& event = window_.events[i];
        if (event.step != step_ || event.phase != phase) {
            continue;
        }
        touches_before((int)i, phase);
        nt_._t = event.te;
        double* const weight = event.weight < 0 ? nullptr : window_.weights[event.weight].address;
        int const type = device_model().mechanisms[event.mechanism].type;
        pnt_receive[type](device_point(type, event.instance), weight, event.flag);
    }
    touches_before((int)window_.events.size(), phase);
}

void Replay::play(int half) {
    size_t const n = window_.play_address.size();
    for (size_t i = 0; i < n; ++i) {
        at(window_.play_address[i]) = window_.play[(2 * (size_t)step_ + half) * n + i];
    }
}

void Replay::currents(neuron::model_sorted_token const& token) {
    nt_._t = window_.t_half[step_];
    play(0);
    setup_tree_matrix(token, nt_);
    nrn_solve(&nt_);
    second_order_cur(&nt_);
    nrn_update_voltage(token, nt_);
}

void Replay::states(neuron::model_sorted_token const& token) {
    nt_._t = window_.t[step_ + 1];
    play(1);
    errno = 0;
    for (auto* tml = nt_.tml; tml; tml = tml->next) {
        if (auto const state = memb_func[tml->index].state) {
            state(token, &nt_, tml->ml, tml->index);
        }
    }
    long_difus_solve(token, 0, nt_);
}

} // namespace

std::vector<double> device_reference_step(DeviceWindow const& window, int j) {
    auto const token = nrn_ensure_model_data_are_sorted_opaque();
    Replay replay(window, j);
    replay.phase(0);
    replay.currents(token);
    replay.states(token);
    return replay.samples;
}

std::vector<double> device_reference_events(DeviceWindow const& window, int j) {
    return device_replay(window, j, 1);
}

std::vector<double> device_replay(DeviceWindow const& window, int step, int phase) {
    Replay replay(window, step);
    replay.phase(phase);
    return replay.samples;
}

} // namespace heliox
