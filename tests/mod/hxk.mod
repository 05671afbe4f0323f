: K channel: no TABLE, FUNCTION with IF, pow, writes ik only; GLOBAL PARAMETER read from hoc.
NEURON {
    SUFFIX hxk
    USEION k READ ek WRITE ik
    RANGE gbar, ninf, ntau, counted
    GLOBAL shift
}
PARAMETER { gbar = 0.03 shift = 2 }
ASSIGNED { v celsius ek ik ninf ntau counted }
STATE { n }
INITIAL { rates(v) n = ninf counted = 0 }
BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*pow(n, 4)*(v - ek)
}
DERIVATIVE gates {
    rates(v)
    if (v > 0) { counted = counted + dt }
    n' = (ninf - n)/ntau
}
PROCEDURE rates(v) {
    LOCAL a, b
    a = 0.02*slope(v + 35 + shift, 9)
    b = 0.25*exp(-(v + 45 + shift)/40)
    ntau = 1/(a + b)
    ninf = a*ntau
}
FUNCTION slope(x, k) {
    if (fabs(x/k) < 1e-6) { slope = k + x/2 } else { slope = x/(1 - exp(-x/k)) }
}
