: Point process that reads a concentration; hxdwpump, of a later type, changes it.
NEURON {
    POINT_PROCESS hxDwNa
    USEION na READ nai
    RANGE seen
}
ASSIGNED { nai }
STATE { seen }
INITIAL { seen = 0 }
BREAKPOINT { SOLVE follow METHOD cnexp }
DERIVATIVE follow { seen' = (nai - seen)/3 }
