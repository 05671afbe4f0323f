: Graded synapse: POINTER to a presynaptic voltage.
NEURON {
    POINT_PROCESS hxGraded
    POINTER vpre
    RANGE gmax, e, i, s
    NONSPECIFIC_CURRENT i
}
PARAMETER { gmax = 0.002 e = 0 }
ASSIGNED { v i vpre }
STATE { s }
INITIAL { s = 1/(1 + exp(-(vpre + 45)/5)) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = gmax*s*(v - e)
}
DERIVATIVE states { s' = (1/(1 + exp(-(vpre + 45)/5)) - s)/2 }
