: Muscarine-sensitive potassium current (M current): slow, does not inactivate.
:
: g = gbar m, curves chosen for this demonstration, tabulated and scaled by q10.

NEURON {
    SUFFIX kmusc
    USEION k READ ek WRITE ik
    RANGE gbar, g, ik
    GLOBAL vhalf
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar  = 1e-4 (S/cm2)
    vhalf = -36  (mV)
}

ASSIGNED {
    v       (mV)
    celsius (degC)
    ek      (mV)
    ik      (mA/cm2)
    g       (S/cm2)
    minf
    mtau    (ms)
}

STATE { m }

INITIAL {
    rates(v)
    m = minf
}

BREAKPOINT {
    SOLVE gate METHOD cnexp
    g = gbar*m
    ik = g*(v - ek)
}

DERIVATIVE gate {
    rates(v)
    m' = (minf - m)/mtau
}

PROCEDURE rates(v (mV)) {
    LOCAL speed
    TABLE minf, mtau DEPEND celsius, vhalf FROM -120 TO 80 WITH 200

    UNITSOFF
    speed = 2.3^((celsius - 24)/10)
    minf = 1/(1 + exp(-(v - vhalf)/8.5))
    mtau = (6 + 180/(exp((v - vhalf)/19) + exp(-(v - vhalf)/19)))/speed
    UNITSON
}
