#include "layout.hpp"

#include <algorithm>
#include <utility>

namespace heliox {
namespace {

constexpr int kMinConsecutive = 12; // shorter runs are cheaper through the index arrays

// Instances of the block: those of its roots, then those of its other nodes. Node rows ascend.
std::pair<int, int> instances(int const* node, int n, int begin, int end) {
    return {int(std::lower_bound(node, node + n, begin) - node),
            int(std::lower_bound(node, node + n, end) - node)};
}

void add_ranges(MechanismImage& mechanism, int begin, int end) {
    auto joins = [&](int i) {
        if (mechanism.row[i] != mechanism.row[i - 1] + 1) {
            return false;
        }
        for (auto const& rows: mechanism.ion_row) {
            if (rows[i] != rows[i - 1] + 1) {
                return false;
            }
        }
        return true;
    };
    int indexed = begin; // start of instances not yet covered
    int i = begin;
    while (i < end) {
        int run = i + 1;
        while (run < end && joins(run)) {
            ++run;
        }
        if (run - i >= kMinConsecutive) {
            if (indexed < i) {
                mechanism.ranges.push_back({indexed, i, 0});
            }
            mechanism.ranges.push_back({i, run, 1});
            indexed = run;
        }
        i = run;
    }
    if (indexed < end) {
        mechanism.ranges.push_back({indexed, end, 0});
    }
}

void lay_ranges(ThreadImage const& thread, MechanismImage& mechanism) {
    mechanism.ranges.clear();
    mechanism.range_first = {0};
    for (auto const& block: thread.blocks) {
        auto const roots = instances(mechanism.node, mechanism.n, block.root_begin, block.root_end);
        auto const others = instances(mechanism.node, mechanism.n, block.begin, block.end);
        add_ranges(mechanism, roots.first, roots.second);
        add_ranges(mechanism, others.first, others.second);
        mechanism.range_first.push_back((int)mechanism.ranges.size());
    }
    mechanism.args.node_row = mechanism.row.data();
    mechanism.last_instance = thread.id == 0 ? mechanism.n : -1;
}

void lay_ion(ThreadImage const& thread, MechanismImage const& mechanism, IonImage& ion) {
    for (auto const& block: thread.blocks) {
        auto const roots = instances(mechanism.node, mechanism.n, block.root_begin, block.root_end);
        auto const others = instances(mechanism.node, mechanism.n, block.begin, block.end);
        ion.first.push_back(roots.first);
        ion.last.push_back(roots.second);
        ion.first.push_back(others.first);
        ion.last.push_back(others.second);
    }
}

// Slots: a block's nodes that carry a mechanism, in node order. Zero-area end nodes of sections carry
// none, so that the instances of a density mechanism become long runs of consecutive slots.
void make_slots(ThreadImage& thread) {
    std::vector<char> used(thread.n_node, 0);
    for (auto const& mechanism: thread.mechanisms) {
        for (int i = 0; i < mechanism.n; ++i) {
            used[mechanism.node[i]] = 1;
        }
    }
    for (int i = 0; i < thread.capacitance.n; ++i) {
        used[thread.capacitance.node[i]] = 1;
    }
    thread.node_slot.assign(thread.n_node, 0);
    for (auto& block: thread.blocks) {
        thread.slot_first.push_back((int)thread.slot_node.size());
        auto add = [&](int begin, int end) {
            for (int node = begin; node < end; ++node) {
                if (used[node]) {
                    thread.node_slot[node] = block.n_slot++;
                    thread.slot_node.push_back(node);
                    thread.slot_area.push_back(thread.node.area[node]);
                }
            }
        };
        add(block.root_begin, block.root_end);
        add(block.begin, block.end);
        auto point_to_zero = [&](int begin, int end) {
            for (int node = begin; node < end; ++node) {
                if (!used[node]) {
                    thread.node_slot[node] = block.n_slot;
                }
            }
        };
        point_to_zero(block.root_begin, block.root_end);
        point_to_zero(block.begin, block.end);
        thread.max_slot = std::max(thread.max_slot, block.n_slot);
    }
    for (auto& mechanism: thread.mechanisms) {
        if (mechanism.use) {
            for (int i = 0; i < mechanism.n; ++i) {
                mechanism.row[i] = thread.node_slot[mechanism.node[i]];
            }
        }
    }
}

// The slots that state functions look at: often few (active spots in a passive tree).
void list_state_slots(ThreadImage& thread) {
    std::vector<char> read(thread.slot_node.size(), 0);
    for (auto const& mechanism: thread.mechanisms) {
        if (!mechanism.use || !mechanism.use->kernel->state) {
            continue;
        }
        for (size_t b = 0; b < thread.blocks.size(); ++b) {
            for (int r = mechanism.range_first[b]; r < mechanism.range_first[b + 1]; ++r) {
                for (int i = mechanism.ranges[r].begin; i < mechanism.ranges[r].end; ++i) {
                    read[thread.slot_first[b] + mechanism.row[i]] = 1;
                }
            }
        }
    }
    thread.state_slot_first = {0};
    for (size_t b = 0; b < thread.blocks.size(); ++b) {
        for (int slot = 0; slot < thread.blocks[b].n_slot; ++slot) {
            if (read[thread.slot_first[b] + slot]) {
                thread.state_slot.push_back(slot);
            }
        }
        thread.state_slot_first.push_back((int)thread.state_slot.size());
    }
}

// Splits the thread's order into stages that can go block by block, with barriers between.
void make_stages(ThreadImage& thread) {
    auto split = [&](std::vector<std::vector<int>>& stages, bool current) {
        bool open = false;
        for (size_t i = 0; i < thread.mechanisms.size(); ++i) {
            auto const& mechanism = thread.mechanisms[i];
            bool const runs = mechanism.ion >= 0 ? current
                              : mechanism.use
                                  ? (current ? mechanism.use->kernel->current
                                             : mechanism.use->kernel->state) != nullptr
                                  : (bool)(current ? mechanism.host_current : mechanism.host_state);
            if (!runs) {
                continue;
            }
            if (mechanism.barrier) {
                stages.push_back({(int)i});
                open = false;
            } else if (open) {
                stages.back().push_back((int)i);
            } else {
                stages.push_back({(int)i});
                open = true;
            }
        }
    };
    split(thread.current_stages, true);
    split(thread.state_stages, false);
    // Slots need every mechanism to look at its own block only, in the currents and in the states.
    thread.slots = std::none_of(thread.mechanisms.begin(), thread.mechanisms.end(),
                                [](MechanismImage const& m) { return m.barrier; });
}

} // namespace

void lay_out(ThreadImage& thread) {
    make_stages(thread);
    if (thread.slots) {
        make_slots(thread);
    }
    for (auto& mechanism: thread.mechanisms) {
        if (mechanism.ion >= 0) {
            lay_ion(thread, mechanism, thread.ions[mechanism.ion]);
        } else if (mechanism.use) {
            lay_ranges(thread, mechanism);
        }
    }
    if (thread.slots) {
        list_state_slots(thread);
    }
}

} // namespace heliox
