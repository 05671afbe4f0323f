: Artificial cell: net_send, net_move and net_event.
NEURON {
    ARTIFICIAL_CELL hxTimer
    RANGE period, x, n
}
PARAMETER { period = 4 }
ASSIGNED { x n last }
INITIAL {
    x = 0
    n = 0
    last = t
    net_send(period, 1)
}
NET_RECEIVE (w) {
    x = x*exp(-(t - last)/10)
    last = t
    if (flag == 1) {
        n = n + 1
        net_event(t)
        net_send(period, 1)
    } else {
        x = x + w
        if (x > 1) { net_move(t + 0.5) x = 0 }
    }
}
