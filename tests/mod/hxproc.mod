: SOLVE of a PROCEDURE without METHOD that updates its state itself with dt.
NEURON {
    SUFFIX hxproc
    USEION na READ ena WRITE ina
    RANGE gbar
}
PARAMETER { gbar = 1e-4 }
ASSIGNED { v ena ina dt minf mexp }
STATE { m }
INITIAL { trates(v) m = minf }
BREAKPOINT {
    SOLVE states
    ina = gbar*m*(v - ena)
}
PROCEDURE states() {
    trates(v)
    m = m + mexp*(minf - m)
}
PROCEDURE trates(v) {
    TABLE minf, mexp DEPEND dt FROM -100 TO 100 WITH 200
    minf = 1/(1 + exp(-(v + 45)/9))
    mexp = 1 - exp(-dt/1.7)
}
