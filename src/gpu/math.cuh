// The vocabulary of a node body (docs/design/kernels.md) for V = double, under NVRTC and as plain
// C++.
//
// The device's twin of src/kernels/simd.hpp; a unit includes one of the two. exp, log, log10, pow,
// tanh, sinh, cosh, sin and cos return glibc's bits, as do sqrt, fabs, floor, ceil, fmod, fmax and
// fmin, which IEEE 754 or C define to the bit. What is left to CUDA (on the host: to libm) is
// named, with NVIDIA's bounds, in heliox_neuron/codegen/device_math.py, which also compares glibc's
// algorithms with the machine's libm. Compile with --fmad=false or -ffp-contract=off.
//
// Macros: HX_EXP_TABLE_IN  where exp's table is read (math_bits.cuh)
//         HX_OVERFLOW()    what exp does above 700, where NEURON's hoc_Exp warns; default nothing
//         HX_PLAIN_EXPM1   tanh, sinh, cosh of a glibc without FMA there (math_hyperbolic.cuh)
#pragma once

#ifdef HELIOX_KERNELS_SIMD_HPP
#error "math.cuh and simd.hpp define the same names"
#endif

#include "math_bits.cuh"
#include "math_exp.cuh"
#include "math_hyperbolic.cuh"
#include "math_log.cuh"
#include "math_pow.cuh"
#include "math_sincos.cuh"

#define HX_INLINE HX_DEVICE
#define HX_COLD HX_COLD_DEVICE

namespace hx {

template <class V>
struct lanes;

template <>
struct lanes<double> {
    static constexpr int width = 1;
    using mask = bool;
    using index = long long;
};

template <class V>
using mask = typename lanes<V>::mask;
template <class V>
using index = typename lanes<V>::index;
template <class V>
inline constexpr int width = lanes<V>::width;

template <class V>
HX_DEVICE V splat(double x) {
    return x;
}
template <class V>
HX_DEVICE mask<V> active(int n) {
    return n > 0;
}
template <class V>
HX_DEVICE V number(mask<V> m) {
    return m ? 1. : 0.;
}
template <class V>
HX_DEVICE V load(double const* p, int) {
    return p[0];
}
template <class V>
HX_DEVICE V gather(double const* base, int const* row, int) {
    return base[row[0]];
}
template <class V>
HX_DEVICE V gather_pointer(double* const* p, int) {
    return *p[0];
}
template <class V>
HX_DEVICE V from_index(index<V> i) {
    return static_cast<double>(i);
}
template <class V>
HX_DEVICE V table_at(double const* t, index<V> i) {
    return t[i];
}

HX_DEVICE bool lt(double a, double b) { return a < b; }
HX_DEVICE bool le(double a, double b) { return a <= b; }
HX_DEVICE bool gt(double a, double b) { return a > b; }
HX_DEVICE bool ge(double a, double b) { return a >= b; }
HX_DEVICE bool eq(double a, double b) { return a == b; }
HX_DEVICE bool ne(double a, double b) { return a != b; }
HX_DEVICE bool truth(double a) { return a != 0.; }
HX_DEVICE bool land(bool a, bool b) { return a && b; }
HX_DEVICE bool lor(bool a, bool b) { return a || b; }
HX_DEVICE bool lnot(bool a) { return !a; }
HX_DEVICE bool any(bool a) { return a; }
HX_DEVICE bool all(bool a) { return a; }
HX_DEVICE double select(bool m, double a, double b) { return m ? a : b; }
HX_DEVICE void store(double* p, double x, int) { p[0] = x; }
HX_DEVICE void store(double* p, double x, bool m, int) {
    if (m) {
        p[0] = x;
    }
}
HX_DEVICE void scatter(double* base, int const* row, double x, int) { base[row[0]] = x; }
HX_DEVICE void accumulate(double* base, int const* row, double x, int) { base[row[0]] += x; }
HX_DEVICE void deduct(double* base, int const* row, double x, int) { base[row[0]] -= x; }
HX_DEVICE long long truncate(double x) { return static_cast<long long>(x); }

// Rounded once by definition: CUDA's and libm's agree.
HX_DEVICE double sqrt(double x) { return ::sqrt(x); }
HX_DEVICE double fabs(double x) { return ::fabs(x); }
HX_DEVICE double floor(double x) { return ::floor(x); }
HX_DEVICE double ceil(double x) { return ::ceil(x); }
HX_DEVICE double fmod(double x, double y) { return ::fmod(x, y); }
// Of two zeros x86-64's fmax and fmin return the second, whatever the signs.
HX_DEVICE double fmax(double x, double y) { return y != y || x > y ? x : y; }
HX_DEVICE double fmin(double x, double y) { return y != y || x < y ? x : y; }

#define HX_OTHER(name)                                                                             \
    HX_DEVICE double name(double x) { return ::name(x); }
HX_OTHER(tan)
HX_OTHER(asin)
HX_OTHER(acos)
HX_OTHER(atan)
#undef HX_OTHER
HX_DEVICE double atan2(double y, double x) { return ::atan2(y, x); }

} // namespace hx
