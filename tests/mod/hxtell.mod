: Every event changes x in a way that does not commute, and is told to others.
NEURON {
    POINT_PROCESS hxTell
    RANGE x, i
    NONSPECIFIC_CURRENT i
}
ASSIGNED { x i }
INITIAL { x = 0 }
BREAKPOINT { i = -1e-3*x }
NET_RECEIVE (w) {
    x = 0.9*x + w
    net_event(t)
}
