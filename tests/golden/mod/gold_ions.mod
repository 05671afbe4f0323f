: USEION: reads a reversal potential and a concentration, writes a current and a concentration
NEURON {
    THREADSAFE
    SUFFIX gold_ions
    USEION ca READ eca, ica, cai WRITE ica, cai
    USEION k READ ek, ko WRITE ik
    RANGE gbar, decay, gk, half
}

UNITS {
    (mA) = (milliamp)
    (mV) = (millivolt)
    (mM) = (milli/liter)
    FARADAY = (faraday) (coulomb)
    R = (k-mole) (joule/degC)
}

PARAMETER {
    gbar = 0.001 (S/cm2)
    decay = 80 (ms)
    half = 0.001 (mM)
    rest = 1e-4 (mM)
}

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
    ek (mV)
    ko (mM)
    ik (mA/cm2)
    celsius (degC)
    gk (S/cm2)
}

STATE {
    cai (mM)
}

INITIAL {
    cai = rest
}

BREAKPOINT {
    SOLVE pool METHOD cnexp
    gk = gbar*cai/(cai + half)*ko/(ko + R*(celsius + 273.15)/FARADAY)
    ik = gk*(v - ek)
    ica = 0.1*gbar*(v - eca)
}

DERIVATIVE pool {
    cai' = -(10000)*ica/(2*FARADAY*0.1) - (cai - rest)/decay
}
