: Axial current of a segment, added to a sum that a point process keeps, and to one in a Vector.
NEURON {
    SUFFIX hxmoment
    RANGE r, length, i, m
    POINTER vnext, sum, total
}
ASSIGNED { v r length i m vnext sum total }
AFTER SOLVE {
    i = (vnext - v)/r
    m = i*length
    sum = sum + m
    total = total + m
}
