: A point process: ion current, POINTER, while, a column that only NET_RECEIVE reads, at_time
NEURON {
    THREADSAFE
    POINT_PROCESS gold_point
    POINTER vpre
    USEION ca READ eca WRITE ica
    NONSPECIFIC_CURRENT i
    RANGE g, w, used, phase, seen
}

PARAMETER {
    w = 1
    start = 2 (ms)
}

ASSIGNED {
    v (mV)
    vpre (mV)
    eca (mV)
    i (nA)
    ica (nA)
    g (uS)
    used
    phase
    seen
    hidden
}

STATE {
    s
}

INITIAL {
    s = 0
    hidden = 0
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    phase = vpre
    while (phase > 10) {
        phase = phase - 10
    }
    if (at_time(start)) {
        used = used + 1
    }
    g = w*s*s*s
    i = g*v
    ica = 0.1*g*(v - eca)
    seen = hidden
}

DERIVATIVE decay {
    s' = 1/(1 + exp(-(vpre + 20)/5)) - s/4
}

NET_RECEIVE (weight) {
    s = s + weight
    hidden = hidden + seen
}
