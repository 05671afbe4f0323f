: Graded synapse with a rectified-linear transfer function: i = g*w*max(v_pre, 0)
:
: Form: Zhang Y, He G, Ma L, et al. (2023) Nat Commun 14:5798 (DeepDendrite).
: v_pre comes in through source_var and target_var of ParallelContext, or is set once (a bias:
: v_pre = 1 mV).

NEURON {
    THREADSAFE
    POINT_PROCESS HelioxGradedSynapse
    RANGE v_pre
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

BREAKPOINT {
    if (v_pre > 0) {
        i = g*w*v_pre
    } else {
        i = 0
    }
}
