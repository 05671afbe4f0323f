: Density channel that another cell's voltage opens: a POINTER outside of point processes.
NEURON {
    SUFFIX hxsense
    POINTER vother
    RANGE gmax, e, a, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { gmax = 5e-5 e = -80 }
ASSIGNED { v i vother }
STATE { a }
INITIAL { a = 1/(1 + exp(-(vother + 40)/6)) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = gmax*a*(v - e)
}
DERIVATIVE states { a' = (1/(1 + exp(-(vother + 40)/6)) - a)/3 }
