: Every event changes x in a way that does not commute; events to itself, net_move, net_event, at given delays.
NEURON {
    POINT_PROCESS hxOrder
    RANGE x, n, wait, later, moves, twice, tells, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { wait = 5 later = 12 moves = 0 twice = 0 tells = 0 }
ASSIGNED { x n i pending }
INITIAL {
    x = 0
    n = 0
    pending = 0
}
BREAKPOINT { i = -1e-3*x }
NET_RECEIVE (w) {
    n = n + 1
    if (flag == 0) {
        x = 0.9*x + w
        if (wait > 0) { net_send(wait, 2) }
        if (twice > 0) { net_send(wait, 3) net_send(0, 4) }
        if (moves > 0) {
            if (pending > 0) {
                net_move(t + wait)
            } else {
                net_send(later, 1)
                pending = 1
            }
        }
    } else if (flag == 1) {
        x = 0.6*x + 0.03
        pending = 0
        if (tells > 0) { net_event(t) }
    } else if (flag == 2) {
        x = 0.7*x + 0.01
        if (tells > 0) { net_event(t) }
    } else if (flag == 3) {
        x = 0.8*x + 0.02
    } else {
        x = 0.5*x + w
    }
}
