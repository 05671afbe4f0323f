: Each instance goes on from what the one before left behind the same POINTER: only in order.
NEURON {
    POINT_PROCESS hxChain
    RANGE k, seen, times
    POINTER x
}
PARAMETER { k = 0.3 }
ASSIGNED { v seen times x }
INITIAL { seen = 0 times = 0 }
AFTER SOLVE {
    seen = x
    if (v > -60) {
        x = k*x + v
        times = times + 1
    } else {
        x = x - 0.1*v
    }
}
