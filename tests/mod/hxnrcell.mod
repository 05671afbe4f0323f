: Artificial cell: net_move of a pending event, several net_sends, a function of t alone.
NEURON {
    ARTIFICIAL_CELL hxNrCell
    RANGE m, n, fired, wait, drift
}
PARAMETER { wait = 6 }
ASSIGNED { m n fired drift last waiting dt }
INITIAL {
    m = 0
    n = 0
    fired = 0
    drift = 0
    last = t
    waiting = 1
    net_send(wait, 1)
}
NET_RECEIVE (w, used) {
    INITIAL { used = 0 }
    m = m*exp(-(t - last)/30)
    last = t
    drifting(dt)
    if (flag == 1) {
        fired = fired + 1
        net_event(t)
        if (fired > 2) { net_event(t + 0.25) }
        m = 0
        waiting = 0
        net_send(0, 4)
        net_send(wait/2 - 0.1 + m, 5)
    } else if (flag == 4) {
        net_send(due(m) - 1, 1)
        waiting = 1
    } else if (flag == 5) {
        n = n + 1
        if (waiting) { net_move(t) }
    } else {
        used = used + 1
        m = m + w/used^0.5
        if (m > 0.8 && waiting == 1) { net_move(due(m) + t) }
    }
}
FUNCTION due(x) { due = wait/(0.3 + x*x) + 1 }
PROCEDURE drifting(h) {
    drift = drift + 1e-3*exp(-t/50) + h*0
}
