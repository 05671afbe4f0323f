: Plastic synapse: weights as states, self events whose delay is a sum, TABLE called from NET_RECEIVE.
NEURON {
    POINT_PROCESS hxNrStdp
    RANGE tau, e, i, lag, hits, missed, gain, loss, trace
    GLOBAL fade
    NONSPECIFIC_CURRENT i
}
PARAMETER { tau = 3 e = 0 lag = 1.1 fade = 20 celsius }
ASSIGNED { v i hits missed gain loss trace pending lasttime }
STATE { g }
INITIAL {
    g = 0
    hits = 0
    missed = 0
    trace = 0
    pending = 0
    lasttime = -10
}
BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = g*(v - e)
}
DERIVATIVE decay { g' = -g/tau }
NET_RECEIVE (w, efficacy, tpre, n) {
    LOCAL age, weight
    INITIAL { efficacy = 0.9 tpre = -1e3 n = 0 }
    if (flag == 0 && w > 0) {
        age = t - tpre
        weight = recover(efficacy, age)
        learn(v + 7*n)
        efficacy = weight*(1 - 0.2*loss) + 0.001*faded(age)
        tpre = t
        n = n + 1
        state_discontinuity(g, g + w*efficacy*gain)
        net_send(lag - 0.3 + 0.01*n, 2)
        net_send((lag - 0.3) + 0.01*n, 3)
        if (!(n < 4) || hits > 6) { net_send(lag^2 - age/1e4, 1) pending = pending + 1 }
    } else if (flag == 0) {
        missed = missed + 1
        if (pending >= 1) { net_move(t + lag/4) }
    } else if (flag == 1) {
        pending = pending - 1
        trace = trace + (pending > 0) + 0.5*(n == 3)
        flag = flag + 1
        if (flag == 2) { net_event(t + lag - 1) }
        pending = 0
    } else {
        hits = hits + 1
        while (trace > 1 && trace/2 > 0.3) { trace = trace - 0.25 }
        trace = trace + exp(-(t - lasttime)/fade)*flag + log(1 + w)
        lasttime = t
        g = g*(1 + efficacy/50)
    }
}
FUNCTION recover(x, age) {
    if (age > 400) { recover = 1 } else { recover = 1 - (1 - x)*exp(-age/60) }
}
FUNCTION faded(age) {
    TABLE DEPEND fade FROM 0 TO 40 WITH 50
    faded = exp(-age/fade)
}
PROCEDURE learn(x) {
    TABLE gain, loss DEPEND celsius FROM -90 TO 30 WITH 60
    gain = exp((x + 20)/60)*3^((celsius - 6.3)/10)
    loss = 1/(1 + exp(-(x + 40)/9))
}
