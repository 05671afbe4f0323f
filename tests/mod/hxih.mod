: Non-specific current with CONDUCTANCE hint.
NEURON {
    SUFFIX hxih
    NONSPECIFIC_CURRENT i
    RANGE gbar, e, g
}
PARAMETER { gbar = 2e-4 e = -42 }
ASSIGNED { v i g qinf qtau }
STATE { q }
INITIAL { rates(v) q = qinf }
BREAKPOINT {
    CONDUCTANCE g
    SOLVE gates METHOD cnexp
    g = gbar*q
    i = g*(v - e)
}
DERIVATIVE gates { rates(v) q' = (qinf - q)/qtau }
PROCEDURE rates(v) {
    qinf = 1/(1 + exp((v + 80)/8))
    qtau = 20 + 60/(exp((v + 75)/14) + exp(-(v + 75)/14))
}
