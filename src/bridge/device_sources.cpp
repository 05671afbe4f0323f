#include "device_sources.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "device_cells.hpp"
#include "device_decl.hpp"
#include "device_network.hpp"
#include "device_records.hpp"
#include "structure.hpp"
#include "watched.hpp"

namespace heliox {
namespace {

DeviceSources sources_;
bool sources_are_current_ = false;

PreSynView& view_of(PreSyn* source) { return *reinterpret_cast<PreSynView*>(source); }

double least_delay(PreSynView const& source) {
    // three NetCons and more of one delay: the source sends itself, whether or not they have targets
    double least = source.use_min_delay ? source.delay : std::numeric_limits<double>::infinity();
    for (void* const entry: source.netcons) {
        auto const& connection = *static_cast<NetConView const*>(entry);
        if (connection.active && connection.target) {
            least = std::min(least, connection.delay);
        }
    }
    return least;
}

// The type of the point process that owns a source of net_event; -1 for an artificial cell.
int point_type(PreSynView const& source) {
    if (!source.source_object || source.source_object->ctemplate->is_point_ <= 0) {
        return -1;
    }
    Prop* const prop = ob2pntproc(source.source_object)->prop;
    int const type = prop ? _nrn_mechanism_get_type(prop) : -1;
    return type > 0 && !nrn_is_artificial_[type] ? type : -1;
}

void read_source(PreSyn* source) {
    auto& view = view_of(source);
    if (view.variable) {
        if (!view.thread) {
            return; // not in NEURON's list of tests either
        }
        sources_.source.push_back(source);
        sources_.address.push_back(reinterpret_cast<uint64_t>(static_cast<double*>(view.variable)));
        sources_.threshold.push_back(view.threshold);
        sources_.delay.push_back(least_delay(view));
        sources_.flag.push_back(view.flag);
    } else if (int const type = point_type(view); type > 0) {
        auto const [it, fresh] = sources_.point_delay.emplace(type, least_delay(view));
        if (!fresh) {
            it->second = std::min(it->second, least_delay(view));
        }
    }
}

bool has_statement() {
    auto const* all = net_cvode_instance_psl();
    return all && std::any_of(all->begin(), all->end(),
                              [](PreSyn* source) { return view_of(source).statement != nullptr; });
}

void look_at_records(std::vector<StepRefusal>& obstacles) {
    try {
        for (auto const& record: device_records()) {
            if (record.kind == "graph" && record.continuous) {
                obstacles.push_back({"HX033", "a Graph draws at each step"});
            }
            if (record.kind == "play" && record.continuous && record.statement) {
                obstacles.push_back({"HX033", "Vector.play runs a statement at each step"});
            }
        }
    } catch (std::exception const& error) {
        obstacles.push_back({"HX048", error.what()});
    }
}

} // namespace

DeviceSources const& device_sources() {
    sources_ = {};
    sources_are_current_ = true;
    if (auto const* all = net_cvode_instance_psl()) {
        for (auto* source: *all) {
            read_source(source);
        }
    }
    sources_.watches = device_watches();
    return sources_;
}

DeviceSources const& device_sources_read() {
    if (!sources_are_current_) {
        throw std::runtime_error("device_sources() is to be called before its indices are used");
    }
    return sources_;
}

void forget_device_sources() { sources_are_current_ = false; }

std::vector<StepRefusal> device_obstacles() {
    std::vector<StepRefusal> obstacles;
    if (StepRefusal const refusal = refuse_step(); !refusal.code.empty()) {
        obstacles.push_back(refusal);
    }
    auto check = [&](bool found, char const* reason) {
        if (found) {
            obstacles.push_back({"HX033", reason});
        }
    };
    check(nrn_nthread != 1, "pc.nthread is not 1");
    check(nrnmpi_numprocs > 1, "spikes are exchanged between processes");
    check(nrnmpi_v_transfer_ || nrnthread_vi_compute_,
          "ParallelContext transfers v + vext, or between processes");
    check(has_scatter_callbacks(), "CVode.extra_scatter_gather has callbacks");
    check(has_state_transitions(), "a StateTransitionEvent is in the model");
    check(has_statement(), "NetCon.record runs a statement");
    check(nrn_use_bin_queue_ || nrn_use_selfqueue_, "CVode.queue_mode is set");
    check(random_is_played(), "Random.play is in use");
    std::string const cell = artificial_cell_that_looks_out();
    check(!cell.empty(), ("a POINTER of " + cell + " leads out of the artificial cells").c_str());
    look_at_records(obstacles);
    return obstacles;
}

bool device_is_weight(double const* number) {
    auto const* all = net_cvode_instance_psl();
    return all && std::any_of(all->begin(), all->end(), [&](PreSyn* source) {
               auto const& netcons = view_of(source).netcons;
               return std::any_of(netcons.begin(), netcons.end(), [&](void* entry) {
                   auto const& connection = *static_cast<NetConView const*>(entry);
                   return number >= connection.weight &&
                          number < connection.weight + connection.n_weight;
               });
           });
}

void set_device_flags(bool const* flags) {
    for (size_t i = 0; i < sources_.source.size(); ++i) {
        view_of(sources_.source[i]).flag = flags[i];
        sources_.flag[i] = flags[i];
    }
}

void device_spikes(int const* sources, size_t n, bool const* flags) {
    NrnThread& nt = nrn_threads[0];
    auto const& known = device_sources_read().source;
    for (size_t i = 0; i < n; ++i) {
        PreSyn* const source = known.at(sources[i]);
        view_of(source).flag = true;
        sources_.flag[sources[i]] = true;
        device_network_send(sources[i], source, nt._t + 1e-10, nt);
    }
    if (flags) {
        set_device_flags(flags);
    }
}

} // namespace heliox
