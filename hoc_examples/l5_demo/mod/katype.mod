: A-type potassium current: activates below threshold, inactivates.
:
: g = gbar m^4 h, Boltzmann steady states; inactivation slows down at depolarised voltages (an IF inside the rates).
: Curves chosen for this demonstration.  No table.

NEURON {
    SUFFIX katype
    USEION k READ ek WRITE ik
    RANGE gbar, g, ik
    GLOBAL vhalfm, vhalfh
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar   = 0.005 (S/cm2)
    vhalfm = -32   (mV)
    vhalfh = -72   (mV)
    q10    = 3
    tref   = 24    (degC)
}

ASSIGNED {
    v       (mV)
    celsius (degC)
    ek      (mV)
    ik      (mA/cm2)
    g       (S/cm2)
    minf
    mtau    (ms)
    hinf
    htau    (ms)
    speed
}

STATE { m h }

INITIAL {
    speed = q10^((celsius - tref)/10)
    rates(v)
    m = minf
    h = hinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m*m*m*m*h
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(v (mV)) {
    minf = boltzmann(v, vhalfm, -11)
    hinf = boltzmann(v, vhalfh, 7)
    UNITSOFF
    mtau = (0.3 + 1.4*exp(-((v + 55)/38)^2))/speed
    if (v > -50) {
        htau = (14 + 0.28*(v + 50))/speed
    } else {
        htau = 14/speed
    }
    UNITSON
}

FUNCTION boltzmann(v (mV), half (mV), k (mV)) {
    boltzmann = 1/(1 + exp((v - half)/k))
}
