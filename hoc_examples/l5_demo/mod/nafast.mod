: Fast, inactivating sodium current.
:
: Rate equations: Traub RD, Miles R (1991) Neuronal Networks of the Hippocampus, Cambridge University Press (36 degC),
: with the voltage axis placed by the parameter vt.  g = gbar m^3 h.
: The rates are tabulated, and the table is made anew when celsius, q10 or vt changes.

NEURON {
    SUFFIX nafast
    USEION na READ ena WRITE ina
    RANGE gbar, g, ina
    GLOBAL minf, mtau, hinf, htau, q10, vt
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 0.02 (S/cm2)
    q10  = 2.3
    tref = 36   (degC)
    vt   = -60  (mV)
}

ASSIGNED {
    v       (mV)
    celsius (degC)
    ena     (mV)
    ina     (mA/cm2)
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
    g = gbar*m*m*m*h
    ina = g*(v - ena)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b, u, speed
    TABLE minf, mtau, hinf, htau DEPEND celsius, q10, vt FROM -120 TO 80 WITH 400

    UNITSOFF
    speed = q10^((celsius - tref)/10)
    u = v - vt
    a = 0.32*slope(u - 13, 4)
    b = 0.28*slope(40 - u, 5)
    mtau = 1/((a + b)*speed)
    minf = a/(a + b)
    a = 0.128*exp((17 - u)/18)
    b = 4/(1 + exp((40 - u)/5))
    htau = 1/((a + b)*speed)
    hinf = a/(a + b)
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
