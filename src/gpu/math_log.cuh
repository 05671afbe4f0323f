// libm's log, bit for bit. The algorithm: src/kernels/log.hpp.
#pragma once

#include "math_bits.cuh"

namespace hx {

// x = 2^k z with z in [offset, 2 offset), offset given by its bits; part: the 128th of that
// interval.
struct Split {
    double k;
    double z;
    unsigned part;
};
HX_DEVICE Split split(Bits x, Bits offset) {
    Bits const tmp = x - offset;
    return {static_cast<double>(static_cast<int>(static_cast<long long>(tmp) >> 52)),
            as_double(x - (tmp & (0xfffull << 52))), static_cast<unsigned>(tmp >> 45) & 127u};
}

// 1 - 2^-4 <= x < 1 + 0x1.09p-4
HX_DEVICE double log_near_one(double x) {
    double const r = x - 1.;
    double const r2 = r * r;
    double const r3 = r * r2;
    double q = ::fma(r, -0x1.999eb43b068ffp-4, 0x1.c7184282ad6cap-4);
    q = ::fma(r2, 0x1.78182f7afd085p-4, q);
    q = ::fma(r3, -0x1.5521375d145cdp-4, q);
    double p = ::fma(r, 0x1.24924a344de3p-3, -0x1.55555556745a7p-3);
    p = ::fma(r3, q, ::fma(r2, -0x1.fffffa4423d65p-4, p));
    double o = ::fma(r, -0x1.ffffffffffdcbp-3, 0x1.5555555555577p-2);
    o = ::fma(r3, p, ::fma(r2, 0x1.999999995dd0cp-3, o));
    // r - r^2/2 in two doubles: r_hi has 26 bits, so that its square is exact.
    double const shift = r * 0x1p27;
    double const r_hi = r + shift - shift;
    double const r_lo = r - r_hi;
    double const square = r_hi * r_hi * -.5;
    double const hi = r + square;
    double const lo = ::fma(-.5 * r_lo, r_hi + r, r - hi + square);
    return ::fma(r3, o, lo) + hi;
}

// x, given by its bits, positive and not near 1; a subnormal as its normal multiple with a negative
// exponent.
HX_DEVICE double log_core(Bits x) {
    Split const s = split(x, 0x3fe6000000000000ull);
    Pair const entry = pair_at(log_table, s.part);
    double const r = ::fma(s.z, as_double(entry.first), -1.);
    double const w = ::fma(s.k, 0x1.62e42fefa3800p-1, as_double(entry.second));
    double const hi = w + r;
    double const lo = ::fma(s.k, 0x1.ef35793c76730p-45, w - hi + r);
    double const r2 = r * r;
    double const p = ::fma(r2, ::fma(r, -0x1.55575e506c89fp-3, 0x1.999b324f10111p-3),
                           ::fma(r, -0x1.fffffffeb459p-3, 0x1.555555551305bp-2));
    return ::fma(r * r2, p, ::fma(r2, -0x1.0000000000001p-1, lo)) + hi;
}

HX_DEVICE double log(double x) {
    if (x >= 1. - 0x1p-4 && x < 1. + 0x1.09p-4) {
        return log_near_one(x);
    }
    Bits u = as_bits(x);
    if (!(x >= 0x1p-1022 && x <= 0x1.fffffffffffffp1023)) {
        if (x == 0.) {
            return as_double(0xfff0000000000000ull);
        }
        if (!(x > 0.) || top12(u) == 0x7ffu) {
            return x > 0. ? x : (x - x) / (x - x); // nan below zero
        }
        u = as_bits(x * 0x1p52) - (52ull << 52);
    }
    return log_core(u);
}

// Sun's (fdlibm, e_log10.c), which glibc compiles without FMA.
HX_DEVICE double log10(double x) {
    if (!(x > 0.) || x > 0x1.fffffffffffffp1023) {
        return log(x);
    }
    double const normal = x < 0x1p-1022 ? x * 0x1p54 : x;
    Bits const u = as_bits(normal);
    int const k = static_cast<int>(u >> 52) - (x < 0x1p-1022 ? 54 : 0) - 1023;
    int const below_one = k < 0 ? 1 : 0;
    double const y = k + below_one;
    double const z =
        as_double((u & 0xfffffffffffffull) | static_cast<Bits>(0x3ff - below_one) << 52);
    double const low = y * 0x1.9fef311f12b36p-42 + 0x1.bcb7b1526e50ep-2 * log(z);
    return low + y * 0x1.34413509f6p-2;
}

} // namespace hx
