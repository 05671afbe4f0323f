: Delayed rectifier potassium current.
:
: Rate equations: Traub RD, Miles R (1991) Neuronal Networks of the Hippocampus, Cambridge University Press (36 degC),
: with the voltage axis placed by the parameter vt.  g = gbar n^4.  No table: the rates are computed at every step.

NEURON {
    SUFFIX kdelay
    USEION k READ ek WRITE ik
    RANGE gbar, g, ik, ninf, ntau
    GLOBAL vt
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 0.01 (S/cm2)
    q10  = 2.6
    tref = 36   (degC)
    vt   = -60  (mV)
}

ASSIGNED {
    v       (mV)
    celsius (degC)
    ek      (mV)
    ik      (mA/cm2)
    g       (S/cm2)
    ninf
    ntau    (ms)
}

STATE { n }

INITIAL {
    rates(v)
    n = ninf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*n^4
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    n' = (ninf - n)/ntau
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b, u
    UNITSOFF
    u = v - vt
    a = 0.032*slope(u - 15, 5)
    b = 0.5*exp((10 - u)/40)
    ntau = 1/((a + b)*q10^((celsius - tref)/10))
    ninf = a/(a + b)
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
