: LOCAL q10, a FUNCTION and a PROCEDURE whose argument is called v, if and else, powers
NEURON {
    SUFFIX gold_rates
    NONSPECIFIC_CURRENT i
    RANGE gbar, e, minf, mtau, hinf
    GLOBAL q
}

PARAMETER {
    gbar = 0.01
    e = -70 (mV)
    q = 2.3
}

ASSIGNED {
    v (mV)
    celsius (degC)
    i (mA/cm2)
    minf
    mtau (ms)
    hinf
    scale
}

STATE {
    m
    h
}

BREAKPOINT {
    LOCAL g
    SOLVE gates METHOD cnexp
    g = gbar*m^3*h
    i = g*(v - e)
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = scale*(hinf - h)
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b, q10
    UNITSOFF
    q10 = q^((celsius - 23)/10)
    if (v == -38) {
        v = v + 0.0001
    }
    a = 0.182*trap(v + 38, 6)
    b = 0.124*trap(-v - 38, 6)
    mtau = 1/(a + b)/q10
    minf = a/(a + b)
    if (v < -60 && v > -100) {
        hinf = 1/(1 + exp((v + 66)/6))
    } else if (v >= 20) {
        hinf = 0
    } else {
        hinf = ((v + 90)/200)^2 + 2.3^((34 - 21)/10)*1e-3
    }
    scale = 0.1*fabs(sin(v))^1.5 + exp(-2)
    UNITSON
}

FUNCTION trap(x, y) {
    if (fabs(x/y) < 1e-6) {
        trap = y*(1 - x/y/2)
    } else {
        trap = x/(1 - exp(-x/y))
    }
}
