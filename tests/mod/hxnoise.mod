: RANDOM variable: a noisy current, drawn anew at every step.
NEURON {
    SUFFIX hxnoise
    NONSPECIFIC_CURRENT i
    RANGE sd, x
    RANDOM stream
}
PARAMETER { sd = 1e-4 }
ASSIGNED { v i x }
INITIAL { random_setseq(stream, 0) x = 0 }
BEFORE STEP { x = sd*random_normal(stream) }
BREAKPOINT { i = x }
