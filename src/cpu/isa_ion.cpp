// Nernst potentials, compiled once per instruction set (namespace HX_ISA_NS).
#include "isa_ion.hpp"
#include "../kernels/simd.hpp"

#ifndef HX_ISA_NS
#define HX_ISA_NS generic
#endif

namespace heliox {
namespace HX_ISA_NS {

#if defined(HX_SCALAR_ONLY)
using V = double;
#else
using V = hx::vd;
#endif

void nernst_rows(double* erev, double const* conci, double const* conco, int const* rows, int n,
                 double coefficient) {
    for (int i = 0; i < n; i += hx::width<V>) {
        int const lanes = n - i < hx::width<V> ? n - i : hx::width<V>;
        V const ci = hx::gather<V>(conci, rows + i, lanes);
        V const co = hx::gather<V>(conco, rows + i, lanes);
        V e = hx::splat<V>(coefficient) * hx::log(co / ci);
        // NEURON tests the inside first
        e = hx::select(hx::le(co, hx::splat<V>(0.0)), hx::splat<V>(-1e6), e);
        e = hx::select(hx::le(ci, hx::splat<V>(0.0)), hx::splat<V>(1e6), e);
        hx::scatter(erev, rows + i, e, lanes);
    }
}

} // namespace HX_ISA_NS
} // namespace heliox
