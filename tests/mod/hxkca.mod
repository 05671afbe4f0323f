: Calcium-activated K: reads cai of another ion, Hill curve. RANGE copies of ion variables; a GLOBAL squared.
NEURON {
    SUFFIX hxkca
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar, z, ik, cai
    GLOBAL scale
}
PARAMETER { gbar = 2e-3 scale = 1.1 }
ASSIGNED { v ek ik cai z }
BREAKPOINT {
    z = 1/(1 + (0.0006/(cai + 1e-9))^3.5)
    ik = gbar*scale^2*z*(v - ek)
}
