: All three kinds in a channel: what BREAKPOINT reads is made before it, what follows counts steps.
NEURON {
    SUFFIX hxstages
    USEION ca READ cai, ica
    NONSPECIFIC_CURRENT i
    RANGE g, drive, mean, late, peak, steps, sum
}
PARAMETER { g = 2e-5 tau = 3 }
ASSIGNED { v i cai ica area drive mean late peak steps sum }
STATE { n }
INITIAL { n = 0 mean = v peak = -100 steps = 0 late = 0 drive = 0 sum = 0 }
BEFORE BREAKPOINT { drive = shape(mean) + 1e-3*sin(t) }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = g*(1 + n)*drive*(v + 70)
}
DERIVATIVE states { n' = (drive - n)/tau }
AFTER SOLVE { LOCAL step step = dt/tau mean = mean + step*(v - mean) late = n + 1e3*ica }
AFTER SOLVE { if (v > peak) { peak = v } sum = mean + peak*area }
BEFORE STEP { steps = steps + 1 late = late + cai*t }
FUNCTION shape(x) { shape = 1/(1 + exp(-(x + 50)/8)) }
