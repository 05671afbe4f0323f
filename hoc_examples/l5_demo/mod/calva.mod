: Low-threshold calcium current.
:
: g = gbar m^2 h, Boltzmann steady states, tabulated; curves chosen for this demonstration.

NEURON {
    SUFFIX calva
    USEION ca READ eca WRITE ica
    RANGE gbar, g, ica
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-4 (S/cm2)
    q10  = 2.5
}

ASSIGNED {
    v       (mV)
    celsius (degC)
    eca     (mV)
    ica     (mA/cm2)
    g       (S/cm2)
    minf
    mtau    (ms)
    hinf
    htau    (ms)
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
    LOCAL speed
    TABLE minf, mtau, hinf, htau DEPEND celsius, q10 FROM -150 TO 100 WITH 500

    UNITSOFF
    speed = q10^((celsius - 24)/10)
    minf = 1/(1 + exp(-(v + 44)/6.6))
    mtau = (3 + 11/(1 + exp((v + 38)/6)))/speed
    hinf = 1/(1 + exp((v + 82)/6.1))
    htau = (16 + 52/(1 + exp((v + 52)/7.5)))/speed
    UNITSON
}
