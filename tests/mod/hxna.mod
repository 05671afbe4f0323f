: Na channel: TABLE with DEPEND, GLOBAL rates, USEION na READ/WRITE.
NEURON {
    SUFFIX hxna
    USEION na READ ena WRITE ina
    RANGE gbar, g
    GLOBAL minf, mtau, hinf, htau
}
PARAMETER { gbar = 0.08 }
ASSIGNED { v celsius ena ina g minf mtau hinf htau }
STATE { m h }
INITIAL { rates(v) m = minf h = hinf }
BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m^3*h
    ina = g*(v - ena)
}
DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}
PROCEDURE rates(v) {
    LOCAL q
    TABLE minf, mtau, hinf, htau DEPEND celsius FROM -110 TO 90 WITH 300
    q = 2.5^((celsius - 20)/10)
    minf = 1/(1 + exp(-(v + 38)/7))
    mtau = (0.05 + 0.3/(exp((v + 40)/15) + exp(-(v + 40)/20)))/q
    hinf = 1/(1 + exp((v + 60)/6))
    htau = (0.5 + 9/(exp((v + 60)/10) + exp(-(v + 60)/18)))/q
}
