: Ca channel with the GHK equation; reads cai and cao, writes ica.
NEURON {
    SUFFIX hxca
    USEION ca READ cai, cao WRITE ica
    RANGE pbar, p
}
UNITS { FARADAY = (faraday) (coulomb) R = (k-mole) (joule/degC) }
PARAMETER { pbar = 2e-5 }
ASSIGNED { v celsius cai cao ica p minf mtau }
STATE { m }
INITIAL { rates(v) m = minf }
BREAKPOINT {
    SOLVE gates METHOD cnexp
    p = pbar*m*m
    ica = p*ghk(v, cai, cao)
}
DERIVATIVE gates { rates(v) m' = (minf - m)/mtau }
PROCEDURE rates(v) {
    minf = 1/(1 + exp(-(v + 30)/8))
    mtau = 0.6 + 3*exp(-((v + 40)/30)^2)
}
FUNCTION ghk(v, ci, co) {
    LOCAL z
    z = 1e-3*2*FARADAY*v/(R*(celsius + 273.15))
    ghk = 0.001*2*FARADAY*(ci*efun(-z) - co*efun(z))
}
FUNCTION efun(z) {
    if (fabs(z) < 1e-4) { efun = 1 - z/2 } else { efun = z/(exp(z) - 1) }
}
