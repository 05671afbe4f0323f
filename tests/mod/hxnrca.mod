: NET_RECEIVE that reads and writes v and a concentration, and that calls functions of both.
NEURON {
    POINT_PROCESS hxNrCa
    USEION ca READ cai WRITE cai
    USEION k READ ki
    RANGE seen, area2, jump, near
}
PARAMETER { jump = 0.7 }
ASSIGNED { v ki seen area2 near area }
STATE { cai }
INITIAL { seen = 0 area2 = 0 near = 0 }
BREAKPOINT { SOLVE pump METHOD cnexp }
DERIVATIVE pump { cai' = -(cai - 5e-5)/20 }
NET_RECEIVE (w) {
    if (w > 0.5) {
        cai = cai + w*1e-4
    }
    seen = seen + buffered(cai) + ki/100
    area2 = area*2 + area2/3
    if (flag == 0) {
        net_send(0.5 + w, 2 + (w > 0.8))
    } else if (flag == 2) {
        v = v + jump
        near = distance(-60)
    } else if (flag == 3) {
        v = -65 + w
    }
}
FUNCTION buffered(x) { buffered = x/(x + 1e-4) }
FUNCTION distance(x) { distance = fabs(v - x)*cai }
