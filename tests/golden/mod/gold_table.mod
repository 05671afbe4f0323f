: TABLE in a PROCEDURE with DEPEND, and in a FUNCTION
NEURON {
    SUFFIX gold_table
    USEION k READ ek WRITE ik
    RANGE gbar, ninf, ntau, shift
}

PARAMETER {
    gbar = 0.01
    shift = 3 (mV)
}

ASSIGNED {
    v (mV)
    celsius (degC)
    ek (mV)
    ik (mA/cm2)
    ninf
    ntau (ms)
}

STATE {
    n
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    ik = gbar*n*block(v)*(v - ek)
}

INITIAL {
    rates(v)
    n = ninf
}

DERIVATIVE gates {
    rates(v)
    n' = (ninf - n)/ntau
}

PROCEDURE rates(v (mV)) {
    TABLE ninf, ntau DEPEND celsius, shift FROM -120 TO 80 WITH 100
    ninf = 1/(1 + exp(-(v + shift)/9))
    ntau = (1 + 4*exp(-((v + 40)/30)^2))*3^((6.3 - celsius)/10)
}

FUNCTION block(v (mV)) {
    TABLE FROM -100 TO 50 WITH 30
    block = 1/(1 + 0.3*exp(-0.062*v))
}
