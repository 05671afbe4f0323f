: Artificial cell that reads what its POINTER leads to and adds to it, at its own events.
NEURON { ARTIFICIAL_CELL hxPeek  POINTER p  RANGE seen, every, more }
PARAMETER { every = 1.3 more = 0 }
ASSIGNED { p seen }
INITIAL { seen = 0 net_send(every, 1) }
NET_RECEIVE (w) {
    if (flag == 1) {
        seen = seen + p
        if (more > 0) { p = p + more }
        net_event(t)
        net_send(every, 1)
    }
}
