: A non-linear equation solved by derivimplicit.
NEURON {
    SUFFIX hxderiv
    NONSPECIFIC_CURRENT i
    RANGE g, w
}
PARAMETER { g = 1e-5 }
ASSIGNED { v i }
STATE { w u }
INITIAL { w = 0.1 u = 0 }
BREAKPOINT {
    SOLVE states METHOD derivimplicit
    i = g*w*(v + 70)
}
DERIVATIVE states {
    w' = (1/(1 + exp(-(v + 40)/10)) - w*w)/5 - 0.1*u
    u' = 0.05*(w - u*u*u)
}
