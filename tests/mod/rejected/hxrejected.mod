: Accepted by nocmodl, but not by the grammar of neuron.nmodl: runs through NEURON's own function.
NEURON {
    SUFFIX hxrejected
    NONSPECIFIC_CURRENT i
    RANGE g
}
PARAMETER { g = 1e-5 }
ASSIGNED { v i }
BREAKPOINT { i = g*(v + 65) }
VERBATIM
/* nothing */
ENDVERBATIM
