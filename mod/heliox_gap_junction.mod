: Gap junction, seen from one of its two ends: i = w*g*(v - v_pre)
:
: v_pre comes in through source_var and target_var of ParallelContext. Each end is one of these, with
: a weight of its own; ends with the same w*g make a symmetric junction.

NEURON {
    THREADSAFE
    POINT_PROCESS HelioxGapJunction
    RANGE v_pre
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

BREAKPOINT {
    i = w*g*(v - v_pre)
}
