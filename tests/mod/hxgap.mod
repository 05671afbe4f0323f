: Gap junction: vgap comes through pc.target_var.
NEURON {
    POINT_PROCESS hxGap
    RANGE vgap, g, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { g = 0.001 }
ASSIGNED { v i vgap }
BREAKPOINT { i = g*(v - vgap) }
