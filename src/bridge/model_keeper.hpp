// The image in use: made, brought up to date, replaced. Images that a running step may still hold are kept
// until no step of ours runs.
#pragma once

#include <memory>
#include <vector>

#include "freeze.hpp"

namespace heliox {

class ModelKeeper {
  public:
    Model* get() const { return model_.get(); }

    // Before an advance. Empty code: get() is right for the model as it is. Otherwise (HX048) NEURON could not
    // be read; not tried again until the structure changes.
    StepRefusal prepare(neuron::model_sorted_token const& token, int n_thread);

    // Inside a step, where NEURON looks at its model again: after events and plays, which may have run the
    // interpreter. True if get() is another image now.
    bool refresh(neuron::model_sorted_token const& token);

    // No step of ours is running any more.
    void release() { retired_.clear(); }

  private:
    void replace(neuron::model_sorted_token const& token, int n_thread);

    std::unique_ptr<Model> model_;
    std::vector<std::unique_ptr<Model>> retired_;
    int diameter_count_ = -1;
    int failed_structure_ = -1;
    std::string failure_;
};

} // namespace heliox
