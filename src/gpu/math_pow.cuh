// libm's pow, bit for bit. The algorithm: src/kernels/pow.hpp.
#pragma once

#include "math_exp.cuh"
#include "math_log.cuh"

namespace hx {

struct TwoDoubles {
    double hi, lo;
};

// log x, x given by its bits: positive, a subnormal as in log_core
HX_DEVICE TwoDoubles log_in_two(Bits x) {
    Split const s = split(x, 0x3fe6955500000000ull);
    Pair const entry = pair_at(pow_table, 2 * s.part);
    Bits const tail = pow_table[4 * s.part + 2];
    double const r = ::fma(s.z, as_double(entry.first), -1.); // exact
    double const t1 = ::fma(s.k, 0x1.62e42fefa3800p-1, as_double(entry.second));
    double const t2 = t1 + r;
    double const lo1 = ::fma(s.k, 0x1.ef35793c76730p-45, as_double(tail));
    double const lo2 = t1 - t2 + r;
    double const ar = -.5 * r;
    double const ar2 = r * ar;
    double const ar3 = r * ar2;
    double const hi = t2 + ar2;
    double const lo3 = ::fma(ar, r, -ar2);
    double const lo4 = t2 - hi + ar2;
    double p = ::fma(r, -0x1.0002b8b263fc3p-3 * -8, 0x1.2495b9b4845e9p-3 * -8);
    p = ::fma(ar2, p, ::fma(r, -0x1.555555529a47ap-3 * 4, 0x1.999999959554ep-3 * 4));
    p = ::fma(ar2, p, ::fma(r, -0x1.0000000000006p-2 * -2, 0x1.555555555556p-2 * -2));
    double const low = ::fma(ar3, p, lo1 + lo2 + lo3 + lo4);
    double const y = hi + low;
    return {y, hi - y + low};
}

// 0: y is no integer, 1: odd, 2: even
HX_DEVICE int parity(double y) {
    if (::floor(y) != y || ::fabs(y) == as_double(0x7ff0000000000000ull)) {
        return ::fabs(y) == as_double(0x7ff0000000000000ull) ? 2 : 0;
    }
    return ::fabs(y) < 0x1p53 && ::floor(.5 * y) != .5 * y ? 1 : 2;
}

// exp(hi + lo), negative if sign is set: |hi| >= 512
HX_COLD_DEVICE double pow_far(double hi, double lo, Bits sign) {
    if (::fabs(hi) >= 1024.) {
        double const bound = hi < 0. ? 0. : as_double(0x7ff0000000000000ull);
        return sign != 0 ? -bound : bound;
    }
    ExpParts const e = exp_parts(hi, lo, true, sign);
    return exp_far(e.tmp, e.scale, e.k);
}

// |x|^y for x given by the bits of |x|, positive and finite
HX_DEVICE double pow_core(Bits x, double y, Bits sign) {
    TwoDoubles const log_x = log_in_two(x);
    double const hi = y * log_x.hi;
    double const lo = ::fma(y, log_x.lo, ::fma(y, log_x.hi, -hi));
    if (!(::fabs(hi) < 512.)) {
        return pow_far(hi, lo, sign);
    }
    ExpParts const e = exp_parts(hi, lo, true, sign);
    double const scale = as_double(e.scale);
    return ::fma(scale, e.tmp, scale);
}

// All that is not a positive normal x with 2^-65 <= |y| < 2^63; C's annex F.
HX_COLD_DEVICE double pow_special(double x, double y) {
    double const infinity = as_double(0x7ff0000000000000ull);
    double const abs_x = ::fabs(x);
    double const abs_y = ::fabs(y);
    if (y == 0. || x == 1.) {
        return 1.;
    }
    if (x != x || y != y) {
        return x + y;
    }
    bool const odd = parity(y) == 1;
    if (abs_y == infinity) {
        return abs_x == 1. ? 1. : (abs_x < 1.) == (y > 0.) ? 0. : infinity;
    }
    if (abs_x == 0. || abs_x == infinity) {
        double const square = x * x;
        double const z = y < 0. ? 1. / square : square;
        return odd && as_bits(x) >> 63 != 0 ? -z : z;
    }
    if (x < 0. && parity(y) == 0) {
        return (x - x) / (x - x);
    }
    Bits const sign = x < 0. && odd ? 0x800ull << 7 : 0ull;
    if (abs_y < 0x1p-65 || abs_y >= 0x1p63) {
        // Here x may be -1 and y is even, or x > 0.
        return abs_y < 0x1p-65 || abs_x == 1. ? 1. : (abs_x > 1.) == (y > 0.) ? infinity : 0.;
    }
    Bits const u = abs_x < 0x1p-1022 ? as_bits(abs_x * 0x1p52) - (52ull << 52) : as_bits(abs_x);
    return pow_core(u, y, sign);
}

// C compilers replace pow(x, y) by x*x, 1/x, x or 1 where y is the constant 2, -1, 1 or 0, and
// libm's bits can differ from these: what NEURON's own compiled mechanism computes is the
// replacement. Generated code prints literal exponents so; here are those that appear by inlining
// (NVRTC knows __builtin_constant_p only since CUDA 13.1: without it they are libm's).
#if defined(__CUDACC_RTC__) && __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ < 1301
HX_DEVICE bool is_constant(double, double) { return false; }
#else
HX_DEVICE bool is_constant(double y, double c) { return __builtin_constant_p(y) && y == c; }
#endif

HX_DEVICE double pow(double x, double y) {
    if (is_constant(y, 2.)) {
        return x * x;
    }
    if (is_constant(y, -1.)) {
        return 1. / x;
    }
    if (is_constant(y, 1.)) {
        return x;
    }
    if (is_constant(y, 0.)) {
        return 1.;
    }
    double const abs_y = ::fabs(y);
    if (x >= 0x1p-1022 && x <= 0x1.fffffffffffffp1023 && abs_y >= 0x1p-65 && abs_y < 0x1p63) {
        return pow_core(as_bits(x), y, 0);
    }
    return pow_special(x, y);
}

} // namespace hx
