// IEEE division with a short chain of dependent operations, for the exact tree methods.
//
// q + (n - q d) y, with one fused multiply-add each, is n/d rounded correctly if y is 1/d to the nearest and q
// is off by little more than one unit in the last place (Markstein 1990; Cornea, Harrison and Tang 2002).
// The compiler's division ends the same way, but refines y first, then makes q, then looks whether the result is
// in range. Here q and y are refined side by side, and the ranges are looked at meanwhile. What is
// near the borders of the argument goes to the compiler's division: quotients next to a power of two, divisors
// with a mantissa of ones, exponents beyond +-100 (d) and +-400 (n/d), zeros, infinities, NaN. None of this
// changes a bit.
#pragma once

#include "device.cuh"

namespace hx {

#ifdef __CUDACC_RTC__

HX_DEVICE double fused(double x, double y, double z) { return __fma_rn(x, y, z); }
HX_DEVICE unsigned high_word(double x) { return (unsigned)__double2hiint(x); }
// 1/x to about 20 bits
HX_DEVICE double coarse_inverse(double x) {
    double y;
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(y) : "d"(x));
    return y;
}

#else

HX_DEVICE double fused(double x, double y, double z) { return __builtin_fma(x, y, z); }
HX_DEVICE unsigned high_word(double x) {
    unsigned long long bits;
    memcpy(&bits, &x, sizeof bits);
    return (unsigned)(bits >> 32);
}
HX_DEVICE double coarse_inverse(double x) {
    double y = 1. / x;
    unsigned long long bits;
    memcpy(&bits, &y, sizeof bits);
    bits &= ~0xffffffffull;
    memcpy(&y, &bits, sizeof bits);
    return y;
}

#endif

// 2^-exponent <= |x| < 2^exponent
HX_DEVICE bool is_within(unsigned high, unsigned exponent) {
    return (high << 1) - ((1023 - exponent) << 21) < exponent << 22;
}

// 1/d to the nearest. plain: whether the argument above holds for the divisor.
HX_DEVICE double inverse(double d, bool& plain) {
    double const y0 = coarse_inverse(d);
    double const e = fused(-d, y0, 1.);
    double const y1 = fused(y0, fused(e, e, e), y0);
    unsigned const h = high_word(d);
    plain = is_within(h, 100) && ((h + 1) & 0xfffff) != 0;
    return fused(y1, fused(-d, y1, 1.), y1);
}

// n / d
HX_DEVICE double quotient(double n, double d) {
    double const y0 = coarse_inverse(d);
    double const q0 = n * y0;
    double const e = fused(-d, y0, 1.);
    double const e2 = fused(e, e, e);
    double const q1 = fused(q0, e2, q0);
    double const y1 = fused(y0, e2, y0);
    double const r = fused(-q1, d, n);
    double const y = fused(y1, fused(-d, y1, 1.), y1);
    double q = fused(r, y, q1);
    unsigned const hd = high_word(d);
    unsigned const hq = high_word(q1);
    bool const plain = is_within(hd, 100) && ((hd + 1) & 0xfffff) != 0 && is_within(hq, 400) &&
                       ((hq + 4) & 0xffff8) != 0;
    if (!plain) {
        q = n / d;
    }
    return q;
}

// n / d with y = inverse(d, plain)
HX_DEVICE double quotient(double n, double d, double y, bool plain) {
    double const q0 = n * y;
    double q = fused(fused(-q0, d, n), y, q0);
    if (!(plain && is_within(high_word(q0), 400))) {
        q = n / d;
    }
    return q;
}

} // namespace hx
