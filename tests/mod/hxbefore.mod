: BEFORE and AFTER blocks.
NEURON {
    SUFFIX hxbefore
    NONSPECIFIC_CURRENT i
    RANGE g, before_v, after_v, peak
}
PARAMETER { g = 1e-6 }
ASSIGNED { v i before_v after_v peak }
INITIAL { peak = -100 before_v = v after_v = v }
BEFORE BREAKPOINT { before_v = v }
AFTER SOLVE { after_v = v if (v > peak) { peak = v } }
BREAKPOINT { i = g*(before_v + 65) }
