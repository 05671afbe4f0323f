: Reads diam and area of its segment.
NEURON {
    SUFFIX hxdiam
    NONSPECIFIC_CURRENT i
    RANGE g
}
PARAMETER { g = 1e-6 }
ASSIGNED { v i diam area }
BREAKPOINT { i = g*diam*(v + 65)/(1 + 0.001*area) }
