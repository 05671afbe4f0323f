: VERBATIM with C code in BREAKPOINT and a file-scope variable.
NEURON {
    SUFFIX hxverbatim
    NONSPECIFIC_CURRENT i
    RANGE g, seen
}
PARAMETER { g = 1e-6 }
ASSIGNED { v i seen }
VERBATIM
static double hx_half(double x) {
    return 0.5 * x;
}
ENDVERBATIM
INITIAL { seen = 0 }
BREAKPOINT {
    SOLVE count
    i = g*half(v + 65)
}
PROCEDURE count() { seen = seen + 1 }
FUNCTION half(x) {
VERBATIM
    _lhalf = hx_half(_lx);
ENDVERBATIM
}
