: WATCH on v, flags, net_send, net_event: counts crossings and adds a delayed kick.
NEURON {
    POINT_PROCESS hxWatch
    RANGE level, wait, count, kick, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { level = -30 wait = 1.3 kick = 0.05 }
ASSIGNED { v i count }
STATE { s }
INITIAL {
    count = 0
    s = 0
    i = 0
    net_send(0, 1)
}
BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = -s
}
DERIVATIVE decay { s' = -s/1.5 }
NET_RECEIVE (w) {
    if (flag == 1) {
        WATCH (v > level) 2
    } else if (flag == 2) {
        count = count + 1
        net_event(t)
        net_send(wait, 3)
    } else if (flag == 3) {
        s = s + kick
    } else {
        s = s + w
    }
}
