: FUNCTION_TABLE: values come from hoc Vectors.
NEURON {
    SUFFIX hxftable
    NONSPECIFIC_CURRENT i
    RANGE g, s
}
PARAMETER { g = 1e-5 }
ASSIGNED { v i }
STATE { s }
FUNCTION_TABLE shape(v)
INITIAL { s = shape(v) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = g*s*(v + 60)
}
DERIVATIVE states { s' = (shape(v) - s)/3 }
