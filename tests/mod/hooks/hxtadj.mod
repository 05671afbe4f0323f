: Channel whose rates assign a GLOBAL, the same number each time, and only where a TABLE is made.
NEURON {
    SUFFIX hxtadj
    NONSPECIFIC_CURRENT i
    RANGE gbar, i
    GLOBAL q10, temp, tadj, minf, mtau
}
PARAMETER { gbar = 2e-4 q10 = 2.3 temp = 23 v celsius }
ASSIGNED { i minf mtau tadj }
STATE { m }
INITIAL { lookup(v) m = minf }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = tadj*gbar*m*(v + 80)
}
DERIVATIVE states { lookup(v) m' = (minf - m)/mtau }
PROCEDURE lookup(v) {
    TABLE minf, mtau DEPEND celsius, temp FROM -120 TO 100 WITH 199
    rates(v)
}
PROCEDURE rates(v) {
    tadj = q10^((celsius - temp)/10)
    minf = 1/(1 + exp(-(v + 35)/9))
    mtau = 4/tadj/(1 + exp((v + 40)/20))
}
