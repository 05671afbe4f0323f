/* The vocabulary of a node body: every operation on V that the language does not spell itself.
 *
 * V is double, or hx::vd: HX_WIDTH doubles, one instance a lane. A node body is a template over
 * V and calls nothing but these functions, so that one text gives the scalar and the SIMD
 * kernel, with the same bits in every lane. The table of names is in docs/design/kernels.md.
 *
 * Bits: + - * / sqrt are IEEE; exp, log and pow return what the C library returns (exp.hpp,
 * log.hpp, pow.hpp hold its algorithm); all others call the C library lane by lane. Compile with
 * -ffp-contract=off.
 *
 * Macros: HX_WIDTH      lanes of vd: 8 (AVX-512), 4 (AVX2), any power of two elsewhere
 *         HX_SCALAR_ONLY  V = double only: no vector types
 *         HX_LIBM_MATH    exp, log, pow call the C library too (the check of libm_check.hpp failed)
 *
 * All functions are always_inline or static: units compiled for different ISAs may be linked
 * together.
 */
#ifndef HELIOX_KERNELS_SIMD_HPP
#define HELIOX_KERNELS_SIMD_HPP

#include <math.h>
#include <string.h>

#define HX_INLINE static inline __attribute__((always_inline))
#define HX_MEMBER static __attribute__((always_inline)) inline
#define HX_COLD static __attribute__((noinline, cold, unused))

namespace hx {

/* What a value type is made of: width, mask, index, and the functions that cannot infer V. */
template <class V>
struct lanes;

template <>
struct lanes<double> {
    static constexpr int width = 1;
    using mask = bool;
    using index = long long;
    HX_MEMBER double splat(double x) { return x; }
    HX_MEMBER bool active(int n) { return n > 0; }
    HX_MEMBER double number(bool m) { return m ? 1. : 0.; }
    HX_MEMBER double load(double const* p, int) { return p[0]; }
    HX_MEMBER double gather(double const* base, int const* row, int) { return base[row[0]]; }
    HX_MEMBER double gather_pointer(double* const* p, int) { return *p[0]; }
    HX_MEMBER double from_index(long long i) { return static_cast<double>(i); }
    HX_MEMBER double table_at(double const* t, long long i) { return t[i]; }
};

template <class V>
using mask = typename lanes<V>::mask;
template <class V>
using index = typename lanes<V>::index;
template <class V>
inline constexpr int width = lanes<V>::width;

template <class V>
HX_INLINE V splat(double x) {
    return lanes<V>::splat(x);
}
template <class V>
HX_INLINE mask<V> active(int n) {
    return lanes<V>::active(n);
}
template <class V>
HX_INLINE V number(mask<V> m) {
    return lanes<V>::number(m);
}
/* n active lanes; the others repeat p[0], so that they compute something harmless. */
template <class V>
HX_INLINE V load(double const* p, int n) {
    return lanes<V>::load(p, n);
}
template <class V>
HX_INLINE V gather(double const* base, int const* row, int n) {
    return lanes<V>::gather(base, row, n);
}
template <class V>
HX_INLINE V gather_pointer(double* const* p, int n) {
    return lanes<V>::gather_pointer(p, n);
}
template <class V>
HX_INLINE V from_index(index<V> i) {
    return lanes<V>::from_index(i);
}
template <class V>
HX_INLINE V table_at(double const* t, index<V> i) {
    return lanes<V>::table_at(t, i);
}

/* ---- V = double ---- */

HX_INLINE bool lt(double a, double b) { return a < b; }
HX_INLINE bool le(double a, double b) { return a <= b; }
HX_INLINE bool gt(double a, double b) { return a > b; }
HX_INLINE bool ge(double a, double b) { return a >= b; }
HX_INLINE bool eq(double a, double b) { return a == b; }
HX_INLINE bool ne(double a, double b) { return a != b; }
HX_INLINE bool truth(double a) { return a != 0.; }
HX_INLINE bool land(bool a, bool b) { return a && b; }
HX_INLINE bool lor(bool a, bool b) { return a || b; }
HX_INLINE bool lnot(bool a) { return !a; }
HX_INLINE bool any(bool a) { return a; }
HX_INLINE bool all(bool a) { return a; }
HX_INLINE double select(bool m, double a, double b) { return m ? a : b; }
HX_INLINE void store(double* p, double x, int) { p[0] = x; }
HX_INLINE void store(double* p, double x, bool m, int) {
    if (m) {
        p[0] = x;
    }
}
HX_INLINE void scatter(double* base, int const* row, double x, int) { base[row[0]] = x; }
HX_INLINE void accumulate(double* base, int const* row, double x, int) { base[row[0]] += x; }
HX_INLINE void deduct(double* base, int const* row, double x, int) { base[row[0]] -= x; }
HX_INLINE long long truncate(double x) { return static_cast<long long>(x); }

/* libm's exp, hidden from the compiler: it would round exp of a constant correctly, libm may
 * not. */
HX_INLINE double libm_exp(double x) {
    __asm__("" : "+x"(x));
    return ::exp(x);
}

/* NEURON's hoc_Exp: 0 below -700, hoc_exp (which warns and returns exp(700)) above 700. */
HX_INLINE double exp(double x, bool active, double (*hoc_exp)(double)) {
    if (x < -700.) {
        return 0.;
    }
    if (x > 700. && active) {
        return hoc_exp(x);
    }
    return libm_exp(x);
}

#define HX_LIBM_1(HX_F)                                                                            \
    HX_F(log10)                                                                                    \
    HX_F(sin) HX_F(cos) HX_F(tan) HX_F(tanh) HX_F(sinh) HX_F(cosh) HX_F(asin) HX_F(acos) HX_F(atan)
#define HX_LIBM_2(HX_F) HX_F(atan2) HX_F(fmod) HX_F(fmax) HX_F(fmin)

#define HX_SCALAR(name)                                                                            \
    HX_INLINE double name(double x) { return ::name(x); }
HX_LIBM_1(HX_SCALAR)
HX_SCALAR(log)
HX_SCALAR(sqrt)
HX_SCALAR(fabs)
HX_SCALAR(floor)
HX_SCALAR(ceil)
#undef HX_SCALAR
#define HX_SCALAR(name)                                                                            \
    HX_INLINE double name(double x, double y) { return ::name(x, y); }
HX_LIBM_2(HX_SCALAR)
HX_SCALAR(pow)
#undef HX_SCALAR

} // namespace hx

#ifndef HX_SCALAR_ONLY

#ifndef HX_WIDTH
#if defined(__AVX512F__)
#define HX_WIDTH 8
#elif defined(__AVX2__)
#define HX_WIDTH 4
#else
#define HX_WIDTH 2
#endif
#endif

#if HX_WIDTH == 8 && defined(__AVX512F__) && defined(__AVX512DQ__)
#include "simd_avx512.hpp"
#elif HX_WIDTH == 4 && defined(__AVX2__) && defined(__FMA__)
#include "simd_avx2.hpp"
#else
#include "simd_generic.hpp"
#endif
#include "simd_common.hpp"

#include "math_tables.hpp"

#include "exp.hpp"
#include "log.hpp"
#include "pow.hpp"

#endif
#endif
