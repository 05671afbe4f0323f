: Looks at anything from BEFORE and AFTER blocks, and keeps what it saw.
NEURON {
    SUFFIX hxprobe
    RANGE early, late, last
    POINTER x
}
ASSIGNED { v early late last x }
BEFORE BREAKPOINT { early = x }
AFTER SOLVE { late = x }
BEFORE STEP { last = x - late + v }
