: Unusual text that nocmodl accepts: blocks in an odd order, VERBATIM between blocks, blank units,
: names of NEURON's own in other roles, a comment of the old kind.
? the old kind
VERBATIM
/* outside of every block */
ENDVERBATIM
BREAKPOINT { { i = g*(v - -65 (mV)) } }
NEURON { SUFFIX hxodd NONSPECIFIC_CURRENT i RANGE g, random }
PARAMETER { g = 1.e-5 (S/cm2) <0, 1e9> }
INDEPENDENT { t FROM 0 TO 1 WITH 1 (ms) }
ASSIGNED { v (mV) i (mA/cm2) random }
INITIAL { random = 0 UNITSOFF g = g*1. UNITSON }
COMMENT
 {{{
ENDCOMMENT
