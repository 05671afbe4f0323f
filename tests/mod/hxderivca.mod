: Calcium with a pump: one equation, a function of its own, solved by derivimplicit.
NEURON {
    SUFFIX hxderivca
    USEION ca READ ica, cai WRITE cai
    RANGE kt, kd, pump
}
PARAMETER { kt = 1e-3 kd = 1e-2 depth = 0.1 rest = 1e-4 }
ASSIGNED { v ica pump }
STATE { cai }
BREAKPOINT { SOLVE state METHOD derivimplicit }
DERIVATIVE state {
    LOCAL drive
    drive = influx(ica)
    pump = -kt*cai/(cai + kd)
    cai' = drive + pump + (rest - cai)/20
}
FUNCTION influx(i) {
    influx = -10000*i/(2*96485*depth)
    if (influx <= 0) { influx = 0 }
}
