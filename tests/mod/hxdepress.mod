: Synapse with depression: NET_RECEIVE with INITIAL block and several weights, two states.
NEURON {
    POINT_PROCESS hxDepress
    RANGE tau1, tau2, e, i, g, trec
    NONSPECIFIC_CURRENT i
}
PARAMETER { tau1 = 0.5 tau2 = 3 e = 0 trec = 40 }
ASSIGNED { v i g factor }
STATE { A B }
INITIAL {
    LOCAL tp
    A = 0
    B = 0
    tp = tau1*tau2/(tau2 - tau1)*log(tau2/tau1)
    factor = 1/(-exp(-tp/tau1) + exp(-tp/tau2))
}
BREAKPOINT {
    SOLVE state METHOD cnexp
    g = B - A
    i = g*(v - e)
}
DERIVATIVE state { A' = -A/tau1 B' = -B/tau2 }
NET_RECEIVE (w, resource, tlast) {
    INITIAL { resource = 1 tlast = t }
    resource = 1 - (1 - resource)*exp(-(t - tlast)/trec)
    tlast = t
    A = A + w*factor*0.4*resource
    B = B + w*factor*0.4*resource
    resource = resource*0.6
}
