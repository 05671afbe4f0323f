: Integrate and fire at a node: net_move of the next firing, the moved event has weights of its own.
NEURON {
    POINT_PROCESS hxDwFire
    RANGE wait, m, n, moved, late, i, kick, ticks
    NONSPECIFIC_CURRENT i
}
PARAMETER { wait = 5 kick = 0.3 }
ASSIGNED { v i m n moved late last ticks }
STATE { s }
INITIAL {
    m = 0
    n = 0
    moved = 0
    late = 0
    ticks = 0
    last = t
    s = 0
    net_send(wait, 1)
}
BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = -s
}
DERIVATIVE decay { s' = -s/2 }
NET_RECEIVE (w, used) {
    INITIAL { used = 0 }
    m = m*exp(-(t - last)/20)
    last = t
    if (flag == 1) {
        n = n + 1
        s = s + kick
        if (kick < 0) { net_move(t + 1) } : there is nothing to move: an error
        net_event(t)
        net_send(0.013, 2)
        net_send(wait*(1 + m), 1)
    } else if (flag == 2) {
        ticks = ticks + 1
        if (m > 1.2) {
            net_send(wait/4, 1)
            m = 0
        }
    } else if (flag == 3) {
        late = late + used
        net_move(t + 0.4)
    } else {
        used = used + 1
        m = m + w
        if (m > 0.5) {
            moved = moved + 1
            net_move(t + wait/(1 + m))
        }
        if (used > 3 && m < 0.4) { net_send(wait/2, 3) used = 0 }
    }
}
