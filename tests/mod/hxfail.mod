: Artificial cell that raises a hoc error at a time, by calling a hoc function that does.
NEURON {
    ARTIFICIAL_CELL hxFail
    RANGE at, period, n
}
PARAMETER { at = 1e9 period = 1 }
ASSIGNED { n }
INITIAL {
    n = 0
    net_send(period, 1)
}
NET_RECEIVE (w) {
    if (flag == 1) {
        n = n + 1
        net_send(period, 1)
        net_event(t)
        if (t >= at) { fail() }
    }
}
PROCEDURE fail() {
VERBATIM
    hoc_execerror("on purpose", 0);
ENDVERBATIM
}
