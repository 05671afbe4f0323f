: Writes GLOBAL variables in BREAKPOINT: their last value depends on the order of the instances.
NEURON {
    SUFFIX hxglobal
    NONSPECIFIC_CURRENT i
    RANGE g
    GLOBAL calls, last
}
PARAMETER { g = 1e-6 }
ASSIGNED { v i calls last }
INITIAL { calls = 0 last = 0 }
BREAKPOINT {
    calls = calls + 1
    i = g*(v + 65) + 1e-9*last
    last = v
}
