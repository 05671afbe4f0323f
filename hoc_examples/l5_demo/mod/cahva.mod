: High-threshold calcium current.
:
: g = gbar m^2 h; activation with rates of Hodgkin and Huxley's form, slow inactivation with a Boltzmann curve.
: Curves chosen for this demonstration.  No table.

NEURON {
    SUFFIX cahva
    USEION ca READ eca WRITE ica
    RANGE gbar, g, ica
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 3e-4 (S/cm2)
}

ASSIGNED {
    v    (mV)
    eca  (mV)
    ica  (mA/cm2)
    g    (S/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE { m h }

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m*m*h
    ica = g*(v - eca)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b
    UNITSOFF
    a = 0.06*slope(v + 25, 4.4)
    b = 0.8*exp(-(v + 70)/19)
    minf = a/(a + b)
    mtau = 1/(a + b)
    hinf = 1/(1 + exp((v + 33)/11))
    htau = 40 + 260/(1 + exp((v + 30)/9))
    UNITSON
}

: x/(1 - exp(-x/k)), with its limit where x = 0
FUNCTION slope(x (mV), k (mV)) (mV) {
    if (fabs(x/k) < 1e-6) {
        slope = k + x/2
    } else {
        slope = x/(1 - exp(-x/k))
    }
}
