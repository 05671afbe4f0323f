/* Does this machine's C library compute exp, log and pow as exp.hpp, log.hpp and pow.hpp do?
 *
 * Include in one unit for each ISA (compiled as kernels of that ISA are) and call
 * hx_libm_matches() once when the library is loaded, about 0.2 ms. If it says no, kernels are
 * compiled with HX_LIBM_MATH.
 *
 * Another algorithm, or a C library built without FMA, differs in many of the 2,048 regular
 * samples. A build whose compiler fused other multiply-adds differs seldom, so the samples of
 * libm_samples.hpp are added: for each multiply-add, arguments at which rounding its product
 * separately changes the result.
 */
#ifndef HELIOX_KERNELS_LIBM_CHECK_HPP
#define HELIOX_KERNELS_LIBM_CHECK_HPP

#include "libm_samples.hpp"
#include "simd.hpp"

namespace hx {

#ifdef HX_VECTOR_MATH

/* NEURON's own warns; this one only bounds. */
static double quiet_hoc_exp(double) { return libm_exp(700.); }

/* Weyl's sequence: n points spread evenly over [a, b), the same on every machine. */
HX_INLINE double spread(int n, double a, double b) {
    unsigned long long const u = 0x9e3779b97f4a7c15ull * static_cast<unsigned long long>(n + 1);
    return a + (b - a) * (static_cast<double>(u >> 11) * 0x1p-53);
}

HX_INLINE bool same_bits(double const* a, double const* b, int n) {
    for (int i = 0; i < n; ++i) {
        if (memcmp(a + i, b + i, sizeof(double)) != 0 && (a[i] == a[i] || b[i] == b[i])) {
            return false;
        }
    }
    return true;
}

constexpr int libm_regular = 2048;

/* The arguments of sample i: some uniform, some over many scales, then the edges, then the
 * seldom. */
static int exp_samples(double* x) {
    int n = 0;
    for (; n < libm_regular; ++n) {
        x[n] = n % 2 == 0 ? spread(n, -30., 30.) : spread(n, -705., 705.);
    }
    double const edge[] = {0.,      -0.,      1.,        -1.,   700.,   -700.,
                           700.1,   -700.1,   512.,      -512., 511.9,  -511.9,
                           0x1p-54, HUGE_VAL, -HUGE_VAL, NAN,   1e-320, 1e300};
    for (double e: edge) {
        x[n++] = e;
    }
    for (double e: seldom_exp) {
        x[n++] = e;
    }
    return n;
}
static int log_samples(double* x) {
    int n = 0;
    for (; n < libm_regular; ++n) {
        x[n] = n % 3 == 0   ? spread(n, .9, 1.1)
               : n % 3 == 1 ? spread(n, 0., 100.)
                            : ::ldexp(spread(n, .5, 1.), n - 1024);
    }
    double const edge[] = {0.,        -0.,    1.,    -1.,      1. - 0x1p-4, 1. + 0x1.09p-4,
                           0x1p-1022, 1e-320, 1e308, HUGE_VAL, -HUGE_VAL,   NAN};
    for (double e: edge) {
        x[n++] = e;
    }
    for (double e: seldom_log) {
        x[n++] = e;
    }
    return n;
}
static int pow_samples(double* x, double* y) {
    int n = 0;
    for (; n < libm_regular; ++n) {
        x[n] = n % 2 == 0 ? spread(n, 0., 10.) : ::ldexp(spread(n, .5, 1.), n % 128 - 64);
        y[n] = n % 8 == 3 ? n % 64 / 8 - 3. : spread(n * 7, -10., 10.);
    }
    double const edge[] = {0., -0., 1., -1., .5, 2., -3., 1e-320, 1e308, HUGE_VAL, -HUGE_VAL, NAN};
    for (double a: edge) {
        for (double b: edge) {
            x[n] = a;
            y[n++] = b;
        }
    }
    for (auto const& e: seldom_pow) {
        x[n] = e[0];
        y[n++] = e[1];
    }
    return n;
}

HX_COLD bool libm_matches() {
    constexpr int room = libm_regular + 1024;
    static_assert(sizeof seldom_exp / sizeof *seldom_exp <= 800, "samples fit");
    static_assert(sizeof seldom_log / sizeof *seldom_log <= 800, "samples fit");
    static_assert(sizeof seldom_pow / sizeof *seldom_pow <= 800, "samples fit");
    double x[room], y[room], expected[room], found[room];
    int n = exp_samples(x);
    for (int i = 0; i < n; ++i) {
        expected[i] = exp(x[i], true, quiet_hoc_exp);
    }
    for (int i = 0; i < n; i += width<vd>) {
        int const lanes = n - i < width<vd> ? n - i : width<vd>;
        store(found + i, exp(load<vd>(x + i, lanes), active<vd>(lanes), quiet_hoc_exp), lanes);
    }
    bool same = same_bits(expected, found, n);
    n = log_samples(x);
    for (int i = 0; i < n; ++i) {
        expected[i] = ::log(x[i]);
    }
    for (int i = 0; i < n; i += width<vd>) {
        int const lanes = n - i < width<vd> ? n - i : width<vd>;
        store(found + i, log(load<vd>(x + i, lanes)), lanes);
    }
    same = same && same_bits(expected, found, n);
    n = pow_samples(x, y);
    for (int i = 0; i < n; ++i) {
        expected[i] = ::pow(x[i], y[i]);
    }
    for (int i = 0; i < n; i += width<vd>) {
        int const lanes = n - i < width<vd> ? n - i : width<vd>;
        store(found + i, pow(load<vd>(x + i, lanes), load<vd>(y + i, lanes)), lanes);
    }
    return same && same_bits(expected, found, n);
}

#else

/* exp, log and pow are the C library's. */
HX_COLD bool libm_matches() { return true; }

#endif

} // namespace hx

HX_COLD bool hx_libm_matches() { return hx::libm_matches(); }

#endif
