: Extracellular potential: a sum of membrane currents, made of what AFTER SOLVE finds.
NEURON {
    SUFFIX hxfield
    RANGE w
    POINTER im, potential
}
PARAMETER { w = 1 }
ASSIGNED { im potential }
BEFORE BREAKPOINT { potential = 0 }
AFTER SOLVE { potential = w*im + potential }
