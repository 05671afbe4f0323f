/* NEURON's hoc_Exp on vectors, with the bits of libm's exp.
 *
 * The algorithm is Arm's (optimized-routines, math/exp.c, 2018), glibc's since 2.28: with k =
 * round(x 128/ln2) and r = x - k ln2/128, exp(x) = 2^(k/128) (1 + tmp), 2^(k/128) from a table
 * of 128 entries, tmp a polynomial of degree 5 in r. glibc chooses at load a build in which the
 * compiler fused multiply-adds where CPUs have FMA; the fma() below are those fusions.
 * libm_check.hpp compares the two at load.
 */
#ifndef HELIOX_KERNELS_EXP_HPP
#define HELIOX_KERNELS_EXP_HPP

namespace hx {

/* The lanes in `which` of y, by the C library: |x| >= 512, where the result needs care, or nan. */
HX_COLD void exp_lanes(double* y, double const* x, unsigned which, double (*hoc_exp)(double)) {
    for (int l = 0; l < HX_WIDTH; ++l) {
        if (which >> l & 1u) {
            y[l] = exp(x[l], true, hoc_exp);
        }
    }
}
HX_INLINE vd exp_by_lanes(vd y, vd x, unsigned which, double (*hoc_exp)(double)) {
    alignas(sizeof(vd)) double in[HX_WIDTH];
    alignas(sizeof(vd)) double out[HX_WIDTH];
    memcpy(in, &x, sizeof x);
    memcpy(out, &y, sizeof y);
    exp_lanes(out, in, which, hoc_exp);
    memcpy(&y, out, sizeof y);
    return y;
}

#ifdef HX_VECTOR_MATH

/* exp(x + x_tail), |x| < 512 and |x_tail| tiny; has_tail is a constant. */
HX_INLINE vd exp_core(vd x, vd x_tail, bool has_tail) {
    vd const inv_ln2_n = splat<vd>(0x1.71547652b82fep0 * 128);
    vd const minus_ln2_hi_n = splat<vd>(-0x1.62e42fefa0000p-8);
    vd const minus_ln2_lo_n = splat<vd>(-0x1.cf79abc9e3b3ap-47);
    vd const shift = splat<vd>(0x1.8p52); /* adding it rounds to an integer, left in the low bits */
    vd const c2 = splat<vd>(0x1.ffffffffffdbdp-2);
    vd const c3 = splat<vd>(0x1.555555555543cp-3);
    vd const c4 = splat<vd>(0x1.55555cf172b91p-5);
    vd const c5 = splat<vd>(0x1.1111167a4d017p-7);

    vd kd = fma(inv_ln2_n, x, shift);
    vu const k = (vu)kd;
    kd -= shift;
    vd r = fma(kd, minus_ln2_lo_n, fma(kd, minus_ln2_hi_n, x));
    if (has_tail) {
        r += x_tail;
    }
    vd tail, head;
    table_pair(exp_table, (vi)(k & 127ull), tail, head);
    vd const scale = (vd)((vu)head + (k << 45));
    vd const r2 = r * r;
    vd const tmp = fma(r2 * r2, fma(r, c5, c4), fma(r2, fma(r, c3, c2), tail + r));
    return fma(scale, tmp, scale);
}

HX_INLINE vd exp(vd x, mask<vd> active, double (*hoc_exp)(double)) {
    vd const y = exp_core(x, x, false);
    unsigned const far = bits(land(active, lnot(lt(fabs(x), splat<vd>(512.)))));
    if (__builtin_expect(far != 0, 0)) {
        return exp_by_lanes(y, x, far, hoc_exp);
    }
    return y;
}

#else

HX_INLINE vd exp(vd x, mask<vd> active, double (*hoc_exp)(double)) {
    return exp_by_lanes(x, x, bits(active), hoc_exp);
}

#endif
} // namespace hx
#endif
