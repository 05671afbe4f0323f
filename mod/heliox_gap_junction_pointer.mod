: Gap junction, seen from one of its two ends: i = w*g*(v - v_pre)
:
: v_pre is a POINTER: h.setpointer(other(0.5)._ref_v, "v_pre", junction) before the first finitialize.
: Each end is one of these, with a weight of its own; ends with the same w*g make a symmetric junction.

NEURON {
    THREADSAFE
    POINT_PROCESS HelioxGapJunctionPointer
    POINTER v_pre
    NONSPECIFIC_CURRENT i
    RANGE i, g, w
}

UNITS {
    (mV) = (millivolt)
    (nA) = (nanoamp)
    (uS) = (microsiemens)
}

PARAMETER {
    g = 0.001 (uS) : conductance at unit weight
    w = 1     (1)  : weight
}

ASSIGNED {
    v     (mV)
    v_pre (mV) : potential of the other end
    i     (nA)
}

INITIAL {
    if (!nrn_pointing(v_pre)) {
VERBATIM
        hoc_execerror("HelioxGapJunctionPointer: v_pre points nowhere:",
                      "h.setpointer(pre(0.5)._ref_v, \"v_pre\", synapse) comes first");
ENDVERBATIM
    }
}

BREAKPOINT {
    i = w*g*(v - v_pre)
}
