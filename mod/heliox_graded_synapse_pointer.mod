: Graded synapse with a rectified-linear transfer function: i = g*w*max(v_pre, 0)
:
: Form: Zhang Y, He G, Ma L, et al. (2023) Nat Commun 14:5798 (DeepDendrite).
: v_pre is a POINTER: h.setpointer(pre(0.5)._ref_v, "v_pre", synapse) before the first finitialize.

NEURON {
    THREADSAFE
    POINT_PROCESS HelioxGradedSynapsePointer
    POINTER v_pre
    ELECTRODE_CURRENT i
    RANGE i, g, w
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
}

PARAMETER {
    g = 0.01 (uS) : conductance at unit weight
    w = 0    (1)  : weight
}

ASSIGNED {
    i     (nA) : depolarising where w > 0
    v_pre (mV) : presynaptic potential
}

INITIAL {
    if (!nrn_pointing(v_pre)) {
VERBATIM
        hoc_execerror("HelioxGradedSynapsePointer: v_pre points nowhere:",
                      "h.setpointer(pre(0.5)._ref_v, \"v_pre\", synapse) comes first");
ENDVERBATIM
    }
}

BREAKPOINT {
    if (v_pre > 0) {
        i = g*w*v_pre
    } else {
        i = 0
    }
}
