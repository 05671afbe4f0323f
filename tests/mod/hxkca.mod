: Calcium-activated K: reads cai of another ion, Hill curve.
NEURON {
    SUFFIX hxkca
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar, z
}
PARAMETER { gbar = 2e-3 }
ASSIGNED { v ek ik cai z }
BREAKPOINT {
    z = 1/(1 + (0.0006/(cai + 1e-9))^3.5)
    ik = gbar*z*(v - ek)
}
