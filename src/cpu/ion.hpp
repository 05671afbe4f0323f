// The Nernst potential, as NEURON's ion_cur evaluates it for ions whose style asks for it.
#pragma once

namespace heliox {

// erev[i] = coefficient * log(conco/conci) for the n rows given; coefficient is ktf/charge in mV. NEURON's
// special cases: charge 0 gives 0, conci <= 0 gives 1e6, conco <= 0 gives -1e6 (nrnoc/eion.cpp).
void nernst(double* erev, double const* conci, double const* conco, int const* rows, int n,
            double charge, double coefficient);

} // namespace heliox
