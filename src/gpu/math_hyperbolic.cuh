// libm's tanh, sinh and cosh, bit for bit.
//
// The algorithms are Sun's (fdlibm, s_expm1.c, s_tanh.c, e_sinh.c, e_cosh.c, 1993), in glibc's
// form: expm1's polynomial is summed in three parts. Some builds of glibc compile expm1 without
// FMA, others choose one with FMA when they are loaded. HX_PLAIN_EXPM1 asks for the former.
#pragma once

#include "math_exp.cuh"

namespace hx {

HX_DEVICE double expm1_fma(double a, double b, double c) {
#ifdef HX_PLAIN_EXPM1
    return a * b + c;
#else
    return ::fma(a, b, c);
#endif
}

// expm1(r) for |r| < ln2/2 by its rational form: the numerator's and denominator's common parts.
struct Expm1Parts {
    double hxs; // r^2/2
    double e;
};
HX_DEVICE Expm1Parts expm1_parts(double r) {
    double const half = .5 * r;
    double const hxs = r * half;
    double const low = expm1_fma(hxs, -0x1.11111111110f4p-5, 1.);
    double const middle = expm1_fma(hxs, -0x1.4ce199eaadbb7p-14, 0x1.a01a019fe5585p-10);
    double const high = expm1_fma(hxs, -0x1.afdb76e09c32dp-23, 0x1.0cfca86e65239p-18);
    double const h2 = hxs * hxs;
    double const h4 = h2 * h2;
    double const r1 = expm1_fma(h4, high, expm1_fma(h2, middle, low));
    double const t = expm1_fma(-r1, half, 3.);
    return {hxs, (r1 - t) / expm1_fma(-r, t, 6.) * hxs};
}

HX_DEVICE double with_exponent_raised(double y, int k) {
    return as_double(as_bits(y) + (static_cast<Bits>(static_cast<long long>(k)) << 52));
}

// 2^k (1 + r) - 1 from e = r's correction, k != 0, |k| < 1024
HX_DEVICE double expm1_scaled(double r, double e, int k) {
    if (k == -1) {
        return .5 * (r - e) - .5;
    }
    if (k == 1) {
        return r < -.25 ? -2. * (e - (r + .5)) : 1. + 2. * (r - e);
    }
    if (k <= -2 || k > 56) {
        return with_exponent_raised(1. - (e - r), k) - 1.;
    }
    double const small = as_double(static_cast<Bits>(0x3ff - k) << 52); // 2^-k
    double const y = k < 20 ? 1. - small - (e - r) : r - (e + small) + 1.;
    return with_exponent_raised(y, k);
}

// libm's expm1 for -38 < x < 700
HX_DEVICE double expm1(double x) {
    double const ln2_hi = 0x1.62e42feep-1;
    double const ln2_lo = 0x1.a39ef35793c76p-33;
    double const size = ::fabs(x);
    Bits const high_word = as_bits(size) >> 32;
    if (size < 0x1p-54) {
        return x;
    }
    if (high_word <= 0x3fd62e42u) {
        Expm1Parts const p = expm1_parts(x);
        return x - expm1_fma(x, p.e, -p.hxs);
    }
    double hi, lo;
    int k;
    if (high_word < 0x3ff0a2b2u) {
        k = x < 0. ? -1 : 1;
        hi = x - k * ln2_hi;
        lo = k * ln2_lo;
    } else {
        k = static_cast<int>(0x1.71547652b82fep0 * x + (x < 0. ? -.5 : .5));
        hi = x - k * ln2_hi; // the product is exact
        lo = k * ln2_lo;
    }
    double const r = hi - lo;
    double const c = hi - r - lo;
    Expm1Parts const p = expm1_parts(r);
    return expm1_scaled(r, expm1_fma(r, p.e - c, -c) - p.hxs, k);
}

HX_DEVICE double tanh(double x) {
    double const size = ::fabs(x);
    if (size != size) {
        return x + x;
    }
    if (size < 0x1p-55) {
        return x * (1. + x);
    }
    double z = 1.;
    if (size < 22.) {
        double const t = expm1(size >= 1. ? 2. * size : -2. * size);
        double const quotient = (size >= 1. ? 2. : -t) / (t + 2.);
        z = size >= 1. ? 1. - quotient : quotient;
    }
    return x < 0. ? -z : z;
}

// exp(|x|)/2 for |x| >= 22
HX_DEVICE double half_exp(double size) {
    if (as_bits(size) >> 32 < 0x40862e42u) {
        return .5 * libm_exp(size);
    }
    double const w = libm_exp(.5 * size);
    return .5 * w * w;
}

HX_DEVICE double sinh(double x) {
    double const size = ::fabs(x);
    if (size != size || size < 0x1p-28) {
        return size != size ? x + x : x;
    }
    if (size >= 22.) {
        double const z = half_exp(size);
        return x < 0. ? -z : z;
    }
    double const h = x < 0. ? -.5 : .5;
    double const t = expm1(size);
    return size < 1. ? h * (2. * t - t * t / (t + 1.)) : h * (t + t / (t + 1.));
}

HX_DEVICE double cosh(double x) {
    double const size = ::fabs(x);
    if (size != size) {
        return x + x;
    }
    if (size >= 22.) {
        return half_exp(size);
    }
    if (as_bits(size) >> 32 < 0x3fd62e43u) {
        double const t = expm1(size);
        double const w = 1. + t;
        return size < 0x1p-55 ? w : 1. + t * t / (w + w);
    }
    double const t = libm_exp(size);
    return .5 * t + .5 / t;
}

} // namespace hx
