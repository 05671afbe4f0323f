: Spike detector: WATCH on v and on a trace of its own, refractory period by self events.
NEURON {
    POINT_PROCESS hxDwSpike
    RANGE high, low, refractory, count, lows, bursts, trace, gain, i
    NONSPECIFIC_CURRENT i
}
PARAMETER { high = -20 low = -55 refractory = 1.7 gain = 0.02 }
ASSIGNED { v i count lows bursts }
STATE { trace }
INITIAL {
    count = 0
    lows = 0
    bursts = 0
    trace = 0
    net_send(0, 9)
}
BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = -gain*trace
}
DERIVATIVE decay { trace' = -trace/4 }
NET_RECEIVE (w) {
    if (flag == 9) {
        WATCH (v > high) 1, (trace > 0.9) 3
    } else if (flag == 1) {
        count = count + 1
        trace = trace + 0.31
        net_event(t)
        net_send(refractory, 2)
        WATCH (v < low) 4
    } else if (flag == 2) {
        WATCH (v > high) 1
        WATCH (trace > 0.9) 3
        WATCH (trace > 0.9) 5
    } else if (flag == 3) {
        bursts = bursts + 1
        trace = trace - 0.5
        WATCH (v > high) 1
    } else if (flag == 4) {
        lows = lows + 1
        net_event(t)
        WATCH (v > low + 1e-3) 6
    } else if (flag == 5) {
        bursts = bursts + 100
    } else if (flag == 6) {
        lows = lows + 1000
        WATCH (v > high) 1
    } else {
        trace = trace + w
    }
}
