: Three-state channel as a KINETIC scheme, solved by sparse.
NEURON {
    SUFFIX hxkinetic
    USEION k READ ek WRITE ik
    RANGE gbar
}
PARAMETER { gbar = 1e-3 }
ASSIGNED { v ek ik a b }
STATE { closed middle open }
INITIAL { SOLVE scheme STEADYSTATE sparse }
BREAKPOINT {
    SOLVE scheme METHOD sparse
    ik = gbar*open*(v - ek)
}
KINETIC scheme {
    rates(v)
    ~ closed <-> middle (2*a, b)
    ~ middle <-> open (a, 2*b)
    CONSERVE closed + middle + open = 1
}
PROCEDURE rates(v) {
    a = 0.3*exp((v + 20)/25)
    b = 0.1*exp(-(v + 30)/30)
}
