/* libm's pow on vectors, bit for bit.
 *
 * The algorithm is Arm's (optimized-routines, math/pow.c, 2018), glibc's since 2.28: log x in
 * two doubles (68 bits) from a table of 128 entries and a polynomial of degree 8, times y in two
 * doubles, and exp of that (exp.hpp). The fma() are those of the source and the fusions of
 * glibc's FMA build.
 */
#ifndef HELIOX_KERNELS_POW_HPP
#define HELIOX_KERNELS_POW_HPP

namespace hx {

HX_COLD void pow_lanes(double* out, double const* x, double const* y, unsigned which) {
    for (int l = 0; l < HX_WIDTH; ++l) {
        if (which >> l & 1u) {
            out[l] = ::pow(x[l], y[l]);
        }
    }
}
HX_INLINE vd pow_by_lanes(vd z, vd x, vd y, unsigned which) {
    alignas(sizeof(vd)) double base[HX_WIDTH];
    alignas(sizeof(vd)) double exponent[HX_WIDTH];
    alignas(sizeof(vd)) double out[HX_WIDTH];
    memcpy(base, &x, sizeof x);
    memcpy(exponent, &y, sizeof y);
    memcpy(out, &z, sizeof z);
    pow_lanes(out, base, exponent, which);
    memcpy(&z, out, sizeof z);
    return z;
}

/* C compilers replace pow(x, y) by x*x, 1/x, x or 1 where y is the constant 2, -1, 1 or 0, and
 * libm's bits can differ from these: what NEURON's own compiled mechanism computes is the
 * replacement. */
HX_INLINE bool is_constant(vd y, double c) {
    return __builtin_constant_p(y[0]) && y[0] == c && __builtin_constant_p(y[HX_WIDTH - 1]) &&
           y[HX_WIDTH - 1] == c;
}

#ifdef HX_VECTOR_MATH

/* log x = hi + lo for positive normal x */
HX_INLINE vd log_in_two(vd x, vd& lo) {
    vd kd, z, invc, logc, logctail;
    vi part;
    split(x, 0x3fe6955500000000ull, kd, z, part);
    table_triple(pow_table, part, invc, logc, logctail);
    vd const r = fma(z, invc, splat<vd>(-1.)); /* exact */
    vd const t1 = fma(kd, splat<vd>(0x1.62e42fefa3800p-1), logc);
    vd const t2 = t1 + r;
    vd const lo1 = fma(kd, splat<vd>(0x1.ef35793c76730p-45), logctail);
    vd const lo2 = t1 - t2 + r;
    vd const ar = splat<vd>(-.5) * r;
    vd const ar2 = r * ar;
    vd const ar3 = r * ar2;
    vd const hi = t2 + ar2;
    vd const lo3 = fma(ar, r, -ar2);
    vd const lo4 = t2 - hi + ar2;
    vd p = fma(r, splat<vd>(-0x1.0002b8b263fc3p-3 * -8), splat<vd>(0x1.2495b9b4845e9p-3 * -8));
    p = fma(ar2, p,
            fma(r, splat<vd>(-0x1.555555529a47ap-3 * 4), splat<vd>(0x1.999999959554ep-3 * 4)));
    p = fma(ar2, p,
            fma(r, splat<vd>(-0x1.0000000000006p-2 * -2), splat<vd>(0x1.555555555556p-2 * -2)));
    vd const low = fma(ar3, p, lo1 + lo2 + lo3 + lo4);
    vd const y = hi + low;
    lo = hi - y + low;
    return y;
}

HX_INLINE vd pow_vector(vd x, vd y) {
    vd lo;
    vd const hi = log_in_two(x, lo);
    vd const e_hi = y * hi;
    vd const e_lo = fma(y, lo, fma(y, hi, -e_hi));
    vd const z = exp_core(e_hi, e_lo, true);
    auto const normal = land(ge(x, splat<vd>(0x1p-1022)), le(x, splat<vd>(0x1.fffffffffffffp1023)));
    unsigned const odd = bits(lnot(land(normal, lt(fabs(e_hi), splat<vd>(512.)))));
    if (__builtin_expect(odd != 0, 0)) {
        return pow_by_lanes(z, x, y, odd);
    }
    return z;
}

#else

HX_INLINE vd pow_vector(vd x, vd y) { return pow_by_lanes(x, x, y, (1u << HX_WIDTH) - 1u); }

#endif

HX_INLINE vd pow(vd x, vd y) {
    if (is_constant(y, 2.)) {
        return x * x;
    }
    if (is_constant(y, -1.)) {
        return splat<vd>(1.) / x;
    }
    if (is_constant(y, 1.)) {
        return x;
    }
    if (is_constant(y, 0.)) {
        return splat<vd>(1.);
    }
    return pow_vector(x, y);
}

} // namespace hx
#endif
