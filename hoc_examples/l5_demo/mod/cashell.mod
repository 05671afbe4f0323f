: Calcium concentration in a shell below the membrane.
:
: d cai/dt = -ica/(2 F depth), a part of it kept free, and removal towards a resting value with one time constant.

NEURON {
    SUFFIX cashell
    USEION ca READ ica WRITE cai
    RANGE depth, tau, rest, free
}

UNITS {
    (mA)    = (milliamp)
    (um)    = (micron)
    (molar) = (1/liter)
    (mM)    = (millimolar)
    FARADAY = (faraday) (coulomb)
}

PARAMETER {
    depth = 0.1   (um)
    tau   = 90    (ms)
    rest  = 6e-5  (mM)
    free  = 0.002
}

ASSIGNED {
    ica   (mA/cm2)
    entry (mM/ms)
}

STATE { cai (mM) }

INITIAL {
    cai = rest
}

BREAKPOINT {
    SOLVE shell METHOD cnexp
}

DERIVATIVE shell {
    entry = -(10000)*free*ica/(2*FARADAY*depth)
    if (entry < 0) {
        entry = 0
    }
    cai' = entry + (rest - cai)/tau
}
