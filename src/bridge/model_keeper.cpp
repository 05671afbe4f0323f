#include "model_keeper.hpp"

#include "neuron_model.hpp"
#include "watchdog.hpp"
#include "watched.hpp"

namespace heliox {

void ModelKeeper::replace(neuron::model_sorted_token const& token, int n_thread) {
    WatchdogPaused const paused;
    watch_builtins();
    // the bit gate compares tables: NEURON's must be those of the parameters as they are now
    nrn_thread_table_check(token);
    auto fresh = freeze(token, n_thread);
    if (model_) {
        retired_.push_back(std::move(model_));
    }
    model_ = std::move(fresh);
    diameter_count_ = diam_change_cnt;
}

StepRefusal ModelKeeper::prepare(neuron::model_sorted_token const& token, int n_thread) {
    if (failed_structure_ == structure_change_cnt) {
        return {"HX048", failure_};
    }
    bool const current = model_ && is_current(*model_) && model_->n_thread == n_thread;
    try {
        if (!current) {
            replace(token, n_thread);
        } else {
            refresh(token);
        }
    } catch (std::exception const& error) {
        failed_structure_ = structure_change_cnt;
        failure_ = std::string("the model could not be read: ") + error.what();
        return {"HX048", failure_};
    }
    failed_structure_ = -1;
    return {};
}

bool ModelKeeper::refresh(neuron::model_sorted_token const& token) {
    bool const style = take_ion_style_change();
    if (!is_current(*model_) || !pointers_current(*model_)) {
        replace(token, model_->n_thread);
        return true;
    }
    if (style || diameter_count_ != diam_change_cnt) {
        reread(*model_);
        diameter_count_ = diam_change_cnt;
    }
    return false;
}

} // namespace heliox
