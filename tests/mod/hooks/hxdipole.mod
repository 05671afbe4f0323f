: Sums of a section's segments (hxmoment), begun anew in every step.
NEURON {
    POINT_PROCESS hxDipole
    RANGE r, length, i, m, sum
    POINTER vnext, total
}
ASSIGNED { v r length i m sum vnext total }
BEFORE INITIAL { sum = 0 total = 0 }
AFTER INITIAL { sum = sum + 1e-3 }
BEFORE BREAKPOINT { sum = 0 total = 0 }
AFTER SOLVE {
    i = (vnext - v)/r
    m = i*length
    sum = sum + m
    total = total + m
}
