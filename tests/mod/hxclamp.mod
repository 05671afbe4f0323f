: ELECTRODE_CURRENT that depends on t, with at_time.
NEURON {
    POINT_PROCESS hxSine
    RANGE del, dur, amp, freq, i
    ELECTRODE_CURRENT i
}
PARAMETER { del = 2 dur = 30 amp = 0.2 freq = 120 }
ASSIGNED { v i }
INITIAL { i = 0 }
BREAKPOINT {
    at_time(del)
    at_time(del + dur)
    if (t < del + dur && t >= del) {
        i = amp*(1 + sin(6.283185307179586*freq*(t - del)*0.001))
    } else {
        i = 0
    }
}
