: Small-conductance calcium-activated potassium current.
:
: One gate with a Hill curve in cai (written with pow) and a time constant that shortens with calcium.  No table.

NEURON {
    SUFFIX skca
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar, g, ik, zinf, ztau
}

UNITS {
    (mV)    = (millivolt)
    (mA)    = (milliamp)
    (S)     = (siemens)
    (molar) = (1/liter)
    (mM)    = (millimolar)
}

PARAMETER {
    gbar = 1e-3 (S/cm2)
    half = 2.5e-4 (mM)
    hill = 4.2
}

ASSIGNED {
    v    (mV)
    ek   (mV)
    cai  (mM)
    ik   (mA/cm2)
    g    (S/cm2)
    zinf
    ztau (ms)
}

STATE { z }

INITIAL {
    rates(cai)
    z = zinf
}

BREAKPOINT {
    SOLVE gate METHOD cnexp
    g = gbar*z
    ik = g*(v - ek)
}

DERIVATIVE gate {
    rates(cai)
    z' = (zinf - z)/ztau
}

PROCEDURE rates(c (mM)) {
    LOCAL bound
    UNITSOFF
    bound = c
    if (bound < 1e-9) {
        bound = 1e-9
    }
    zinf = 1/(1 + pow(half/bound, hill))
    ztau = 2 + 18/(1 + bound/half)
    UNITSON
}
