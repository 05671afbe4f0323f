: Three coupled equations whose order is not that of STATE, and whose pivots move.
NEURON {
    SUFFIX hxderivthree
    NONSPECIFIC_CURRENT i
    RANGE g, a, b, c, k, rate
}
PARAMETER { g = 1e-5 k = 30 }
ASSIGNED { v i rate }
STATE { c a b }
INITIAL { a = 0.2 b = 0.7 c = 0.1 }
BREAKPOINT {
    SOLVE states METHOD derivimplicit
    i = g*a*(v + 70)
}
DERIVATIVE states {
    rates(v)
    b' = k*a*c - 0.3*b + 0.01*a
    a' = rate*(1 - a) - k*b*c
    c' = k*k*(a - b) + c*(1 - c)*v*0.01
}
PROCEDURE rates(v) {
    rate = exp(v/25)
    if (v > 0) { rate = 1 + v/25 }
}
