// Where a NaN appeared, for HX050.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "freeze.hpp"
#include "neuron_model.hpp"

namespace heliox {

std::string describe_nan(Model const& model, int thread_index, int block_index) {
    ThreadImage const& thread = model.threads[thread_index];
    Block const& block = thread.blocks[block_index];
    int row = -1; // roots last: they are ends of sections and carry no name of their own
    for (int i = block.begin; i < block.end && row < 0; ++i) {
        row = std::isnan(thread.node.v[i]) ? i : -1;
    }
    for (int i = block.root_begin; i < block.root_end && row < 0; ++i) {
        row = std::isnan(thread.node.v[i]) ? i : -1;
    }
    if (row < 0) {
        return "NaN in v";
    }
    std::string state;
    for (auto const& mechanism: thread.mechanisms) {
        if (!mechanism.use || !state.empty()) {
            continue;
        }
        hx_kernel const& kernel = *mechanism.use->kernel;
        auto const* at = std::lower_bound(mechanism.node, mechanism.node + mechanism.n, row);
        if (at == mechanism.node + mechanism.n || *at != row) {
            continue;
        }
        for (int f = 0; f < kernel.n_field && state.empty(); ++f) {
            if (std::isnan(mechanism.column[f][(at - mechanism.node) * kernel.field_dim[f]])) {
                state = "; first NaN variable: " + std::string(kernel.field[f]) + " of " +
                        mechanism.name;
            }
        }
    }
    std::ostringstream text;
    text.precision(10);
    text << "NaN in v of " << node_name(thread_index, row) << " at t = " << t << " ms" << state;
    return text.str();
}

} // namespace heliox
