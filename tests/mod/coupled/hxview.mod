: Current in proportion to whatever a POINTER leads to.
NEURON {
    POINT_PROCESS hxView
    POINTER x
    RANGE k, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { k = 1e-3 }
ASSIGNED { v i x }
BREAKPOINT { i = k*x*(1 + 0*v) }
