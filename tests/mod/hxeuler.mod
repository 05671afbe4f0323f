: The same kind of equation by euler, with array variables, a WHILE and a FROM loop.
DEFINE N 3
NEURON {
    SUFFIX hxeuler
    NONSPECIFIC_CURRENT i
    RANGE g, total, kept
}
PARAMETER { g = 2e-5 }
ASSIGNED { v i total kept[N] }
STATE { x }
INITIAL {
    x = 0.2
    FROM j = 0 TO N-1 { kept[j] = j }
}
BREAKPOINT {
    LOCAL n
    SOLVE states METHOD euler
    total = 0
    FROM j = 0 TO N-1 { total = total + kept[j] }
    n = 0
    while (n < 3) { total = total + 0.1 n = n + 1 }
    i = g*x*total*(v + 65)
}
DERIVATIVE states {
    x' = 0.1*(0.5 - x) + 1e-4*v
    kept[1] = x
}
