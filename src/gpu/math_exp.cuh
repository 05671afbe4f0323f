// libm's exp, bit for bit, and NEURON's hoc_Exp. The algorithm: src/kernels/exp.hpp.
#pragma once

#include "math_bits.cuh"

// What a kernel does about an argument above 700, where NEURON's hoc_Exp warns.
#ifndef HX_OVERFLOW
#define HX_OVERFLOW() ((void)0)
#endif

namespace hx {

// exp(x) = scale (1 + tmp), scale = 2^(k/128), its bits left without the 2^52 (k mod 128)/128 that
// may overflow the exponent's field.
struct ExpParts {
    double tmp;
    Bits scale;
    Bits k;
};

// x + x_tail with |x| < 1024; sign is 0, or 0x800 << 7 for a negative result.
HX_DEVICE ExpParts exp_parts(double x, double x_tail, bool has_tail, Bits sign) {
    double const shift = 0x1.8p52; // adding it rounds to an integer, left in the low bits
    double kd = ::fma(0x1.71547652b82fep0 * 128, x, shift);
    Bits const k = as_bits(kd);
    kd -= shift;
    double r = ::fma(kd, -0x1.cf79abc9e3b3ap-47, ::fma(kd, -0x1.62e42fefa0000p-8, x));
    if (has_tail) {
        r += x_tail;
    }
    Pair const entry = pair_at(HX_EXP_TABLE, static_cast<unsigned>(k) & 127u);
    double const r2 = r * r;
    double const low = ::fma(r, 0x1.555555555543cp-3, 0x1.ffffffffffdbdp-2);
    double const high = ::fma(r, 0x1.1111167a4d017p-7, 0x1.55555cf172b91p-5);
    double const tmp = ::fma(r2 * r2, high, ::fma(r2, low, as_double(entry.first) + r));
    return {tmp, entry.second + ((k + sign) << 45), k};
}

// |x| >= 512: scale may be out of range, and the result subnormal or too large. Products are not
// fused where k < 0: glibc's compiler finds them used in two blocks.
HX_COLD_DEVICE double exp_far(double tmp, Bits scale_bits, Bits k) {
    if ((k & 0x80000000ull) == 0) {
        double const scale = as_double(scale_bits - (1009ull << 52));
        return 0x1p1009 * ::fma(scale, tmp, scale);
    }
    double const scale = as_double(scale_bits + (1022ull << 52));
    double const product = scale * tmp;
    double y = scale + product;
    if (::fabs(y) < 1.) {
        // Rounds to the subnormal's last place at once, not twice.
        double const one = y < 0. ? -1. : 1.;
        double low = scale - y + product;
        double const high = one + y;
        low = one - high + y + low;
        y = high + low - one;
        if (y == 0.) {
            y = as_double(as_bits(scale) & (1ull << 63));
        }
    }
    return 0x1p-1022 * y;
}

// libm's exp(x), all x
HX_DEVICE double libm_exp(double x) {
    if (!(::fabs(x) < 1024.)) {
        return x < 0. ? 0. : x > 0. ? as_double(0x7ff0000000000000ull) : x + x;
    }
    ExpParts const e = exp_parts(x, 0., false, 0);
    if (::fabs(x) >= 512.) {
        return exp_far(e.tmp, e.scale, e.k);
    }
    double const scale = as_double(e.scale);
    return ::fma(scale, e.tmp, scale);
}

// NEURON's hoc_Exp: 0 below -700, exp(700) above 700. hoc_exp, which warns, is not called.
// Between these the exponents are in range, so exp_far reduces to its unfused product.
#ifdef HX_EXP_CALL // a function: a model with many would fill the instruction cache with it
HX_COLD_DEVICE
#else
HX_DEVICE
#endif
double exp(double x, bool active, double (*)(double)) {
    if (x > 700. && active) {
        HX_OVERFLOW();
    }
    double const bounded = x > 700. ? 700. : x;
    ExpParts const e = exp_parts(bounded, 0., false, 0);
    double const scale = as_double(e.scale);
    double const product = scale * e.tmp;
    double const y = bounded <= -512. ? scale + product : ::fma(scale, e.tmp, scale);
    return x < -700. ? 0. : y;
}

} // namespace hx
