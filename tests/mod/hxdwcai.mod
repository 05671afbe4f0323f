: Point process whose state and current follow a concentration that a density mechanism changes.
NEURON {
    POINT_PROCESS hxDwCai
    USEION ca READ cai, eca
    RANGE rate, gmax, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { rate = 200 gmax = 0.01 }
ASSIGNED { v i cai eca }
STATE { bound }
INITIAL { bound = 0 }
BREAKPOINT {
    SOLVE binding METHOD cnexp
    i = gmax*bound*(v + 80) + 1e-3*cai + 1e-5*(v - eca)
}
DERIVATIVE binding { bound' = rate*cai*(1 - bound) - bound/15 }
