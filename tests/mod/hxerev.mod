: Writes a reversal potential.
NEURON {
    SUFFIX hxerev
    USEION k WRITE ek
    RANGE base
}
PARAMETER { base = -80 }
ASSIGNED { v ek }
INITIAL { ek = base }
BREAKPOINT { SOLVE move }
PROCEDURE move() { ek = base + 0.01*(v + 65) }
