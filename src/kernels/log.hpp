/* libm's log on vectors, bit for bit.
 *
 * The algorithm is Arm's (optimized-routines, math/log.c, 2018), glibc's since 2.28: x = 2^k z,
 * log x = k ln2 + log c + log1p(z/c - 1) with c from a table of 128 entries and a polynomial of
 * degree 6; near 1, where that would cancel, a polynomial of degree 12 in x - 1. The fma() are
 * the fusions of glibc's FMA build.
 */
#ifndef HELIOX_KERNELS_LOG_HPP
#define HELIOX_KERNELS_LOG_HPP

namespace hx {

HX_COLD void log_lanes(double* y, double const* x, unsigned which) {
    for (int l = 0; l < HX_WIDTH; ++l) {
        if (which >> l & 1u) {
            y[l] = ::log(x[l]);
        }
    }
}
HX_INLINE vd log_by_lanes(vd y, vd x, unsigned which) {
    alignas(sizeof(vd)) double in[HX_WIDTH];
    alignas(sizeof(vd)) double out[HX_WIDTH];
    memcpy(in, &x, sizeof x);
    memcpy(out, &y, sizeof y);
    log_lanes(out, in, which);
    memcpy(&y, out, sizeof y);
    return y;
}

#ifdef HX_VECTOR_MATH

/* x = 2^k z with z in [offset, 2 offset), offset given by its bits: k as a double, z and the
 * number of the 128th of that interval that z falls into. x must be positive and normal. */
HX_INLINE void split(vd x, unsigned long long offset, vd& kd, vd& z, vi& part) {
    vu const ix = (vu)x;
    vu const tmp = ix - offset;
    part = (vi)((tmp >> 45) & 127ull);
    z = (vd)(ix - (tmp & (0xfffull << 52)));
    /* k = tmp >> 52 without an arithmetic shift and a conversion of 64 bits, which AVX2 lacks:
     * k + 1024 goes into the low bits of 2^52. */
    vu const biased = ((tmp + (0x400ull << 52)) >> 52) | 0x4330000000000000ull;
    kd = (vd)biased - splat<vd>(0x1p52 + 1024.);
}

/* 1 - 2^-4 <= x < 1 + 0x1.09p-4 */
HX_INLINE vd log_near_one(vd x) {
    vd const r = x - splat<vd>(1.);
    vd const r2 = r * r;
    vd const r3 = r * r2;
    vd q = fma(r, splat<vd>(-0x1.999eb43b068ffp-4), splat<vd>(0x1.c7184282ad6cap-4));
    q = fma(r2, splat<vd>(0x1.78182f7afd085p-4), q);
    q = fma(r3, splat<vd>(-0x1.5521375d145cdp-4), q);
    vd p = fma(r, splat<vd>(0x1.24924a344de3p-3), splat<vd>(-0x1.55555556745a7p-3));
    p = fma(r3, q, fma(r2, splat<vd>(-0x1.fffffa4423d65p-4), p));
    vd o = fma(r, splat<vd>(-0x1.ffffffffffdcbp-3), splat<vd>(0x1.5555555555577p-2));
    o = fma(r3, p, fma(r2, splat<vd>(0x1.999999995dd0cp-3), o));
    /* r - r^2/2 in two doubles: r_hi has 26 bits, so that its square is exact. */
    vd const shift = r * splat<vd>(0x1p27);
    vd const r_hi = r + shift - shift;
    vd const r_lo = r - r_hi;
    vd const square = r_hi * r_hi * splat<vd>(-.5);
    vd const hi = r + square;
    vd const lo = fma(splat<vd>(-.5) * r_lo, r_hi + r, r - hi + square);
    return fma(r3, o, lo) + hi;
}

/* x positive and normal, not near 1 */
HX_INLINE vd log_core(vd x) {
    vd kd, z, invc, logc;
    vi part;
    split(x, 0x3fe6000000000000ull, kd, z, part);
    table_pair(log_table, part, invc, logc);
    vd const r = fma(z, invc, splat<vd>(-1.));
    vd const w = fma(kd, splat<vd>(0x1.62e42fefa3800p-1), logc);
    vd const hi = w + r;
    vd const lo = fma(kd, splat<vd>(0x1.ef35793c76730p-45), w - hi + r);
    vd const r2 = r * r;
    vd const p = fma(r2, fma(r, splat<vd>(-0x1.55575e506c89fp-3), splat<vd>(0x1.999b324f10111p-3)),
                     fma(r, splat<vd>(-0x1.fffffffeb459p-3), splat<vd>(0x1.555555551305bp-2)));
    return fma(r * r2, p, fma(r2, splat<vd>(-0x1.0000000000001p-1), lo)) + hi;
}

HX_INLINE vd log(vd x) {
    vd y = log_core(x);
    auto const near = land(ge(x, splat<vd>(1. - 0x1p-4)), lt(x, splat<vd>(1. + 0x1.09p-4)));
    if (any(near)) {
        y = select(near, log_near_one(x), y);
    }
    unsigned const odd =
        bits(lnot(land(ge(x, splat<vd>(0x1p-1022)), le(x, splat<vd>(0x1.fffffffffffffp1023)))));
    if (__builtin_expect(odd != 0, 0)) {
        return log_by_lanes(y, x, odd);
    }
    return y;
}

#else

HX_INLINE vd log(vd x) { return log_by_lanes(x, x, (1u << HX_WIDTH) - 1u); }

#endif
} // namespace hx
#endif
