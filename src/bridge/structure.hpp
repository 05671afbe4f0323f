// Small questions about NEURON's structure that several files ask.
#pragma once

#include "neuron_model.hpp"

namespace heliox {

// What fadvance does first: brings NEURON's own structures up to date after changes by the script.
inline void set_up_structure() {
    if (tree_changed) {
        setup_topology();
    }
    if (v_structure_change) {
        v_setup_vectors();
    }
    if (diam_changed) {
        recalc_diam();
    }
}

// The thread's instances of a mechanism, or null.
inline Memb_list* memb_list_of(NrnThread& nt, int type) {
    for (auto* tml = nt.tml; tml; tml = tml->next) {
        if (tml->index == type) {
            return tml->ml;
        }
    }
    return nullptr;
}

} // namespace heliox
