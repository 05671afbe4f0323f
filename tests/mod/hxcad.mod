: Calcium in a shell: writes cai (a STATE), so that eca and GHK currents follow.
NEURON {
    SUFFIX hxcad
    USEION ca READ ica WRITE cai
    RANGE tau, gain
}
PARAMETER { tau = 20 gain = 0.4 rest = 1e-4 }
ASSIGNED { ica }
STATE { cai }
INITIAL { cai = rest }
BREAKPOINT { SOLVE shell METHOD cnexp }
DERIVATIVE shell { cai' = -gain*ica + (rest - cai)/tau }
