: Sodium that a pump takes out. INITIAL leaves it off balance.
NEURON {
    SUFFIX hxdwpump
    USEION na READ ina WRITE nai
    RANGE rest, gain
}
PARAMETER { rest = 10 gain = 0.3 }
ASSIGNED { ina }
STATE { nai }
INITIAL { nai = rest + 2 }
BREAKPOINT { SOLVE pump METHOD cnexp }
DERIVATIVE pump { nai' = -gain*ina - (nai - rest)/50 }
