: Two WATCH conditions at a time, in both directions, of expressions.
NEURON {
    POINT_PROCESS hxNrWatch
    RANGE high, low, up, down, steep
}
PARAMETER { high = -20 low = -60 }
ASSIGNED { v up down steep }
INITIAL {
    up = 0
    down = 0
    steep = 0
    net_send(0, 1)
}
NET_RECEIVE (w) {
    if (flag == 1) {
        WATCH (v > high) 2, (v*2 < low - 60) 3
    } else if (flag == 2) {
        up = up + 1
        net_event(t)
        WATCH (v < (high + low)/2) 4
        WATCH (v^2 > fabs(low)*135) 5
    } else if (flag == 3) {
        down = down + 1
    } else if (flag == 4) {
        steep = steep + 1
        WATCH (v > high) 2
        WATCH (v*2 < low - 60) 3
    } else if (flag == 5) {
        steep = steep + 1000
    }
}
