: Hyperpolarisation-activated cation current Ih.
:
: One gate, g = gbar q, with a fixed reversal potential; curves chosen for this demonstration, tabulated.

NEURON {
    SUFFIX hcn
    NONSPECIFIC_CURRENT i
    RANGE gbar, g, i, e
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 2e-4 (S/cm2)
    e    = -40  (mV)
}

ASSIGNED {
    v       (mV)
    celsius (degC)
    i       (mA/cm2)
    g       (S/cm2)
    qinf
    qtau    (ms)
}

STATE { q }

INITIAL {
    rates(v)
    q = qinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*q
    i = g*(v - e)
}

DERIVATIVE gates {
    rates(v)
    q' = (qinf - q)/qtau
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b, speed
    TABLE qinf, qtau DEPEND celsius FROM -150 TO 100 WITH 250

    UNITSOFF
    speed = 3.2^((celsius - 24)/10)
    a = 0.0011*exp(-(v + 85)/13)
    b = 0.0013*exp((v + 85)/17)
    qinf = a/(a + b)
    qtau = 1/((a + b)*speed)
    UNITSON
}
