// libm's sin and cos, bit for bit, for |x| < 105414350; beyond that CUDA's (device_math.py).
//
// The algorithm is that of IBM's accurate library in glibc's form: near 0 a polynomial, else sin
// and cos of the nearest k/128 from a table, plus a correction. The fma() are the fusions of
// glibc's FMA build.
#pragma once

#include "math_bits.cuh"
#include "math_sincos_table.cuh"

namespace hx {

constexpr double sincos_limit = 105414350.; // the high word 0x419921fb

// A place of the table and the rest, for |x| < 0.86.
struct TablePlace {
    double x; // less the nearest k/128
    double sin, sin_tail, cos, cos_tail;
};
HX_DEVICE TablePlace table_place(double x) {
    double const shift = 0x1.8p45; // adding it rounds to a multiple of 1/128, left in the low bits
    double const u = shift + ::fabs(x);
    unsigned const k = static_cast<unsigned>(as_bits(u)) & 127u;
    Pair const sine = pair_at(sincos_table, 2 * k);
    Pair const cosine = pair_at(sincos_table, 2 * k + 1);
    return {::fabs(x) - (u - shift), as_double(sine.first), as_double(sine.second),
            as_double(cosine.first), as_double(cosine.second)};
}
HX_DEVICE double sine_part(double xx) {
    return ::fma(xx, 0x1.11110e829872fp-7, -0x1.5555555555515p-3);
}
HX_DEVICE double cosine_part(double xx) {
    return xx * ::fma(xx, ::fma(xx, 0x1.6c16bedd9e239p-10, -0x1.5555555555535p-5), .5);
}

// sin(x + dx), |x| < 0.86 and |dx| tiny
HX_DEVICE double sin_reduced(double x, double dx) {
    if (::fabs(x) < 0.126) {
        double const xx = x * x;
        double p = ::fma(xx, -0x1.addffc2fcdf59p-26, 0x1.71de27b9a7ed9p-19);
        p = ::fma(xx, p, -0x1.a01a019db08b8p-13);
        p = ::fma(xx, p, 0x1.1111111110ecep-7);
        p = ::fma(xx, p, -0x1.5555555555555p-3);
        return x + ::fma(xx, ::fma(x, p, -(.5 * dx)), dx);
    }
    double const tail = x <= 0. ? -dx : dx;
    TablePlace const at = table_place(x);
    double const xx = at.x * at.x;
    double const s = at.x + ::fma(at.x * xx, sine_part(xx), tail);
    double const c = ::fma(at.x, tail, cosine_part(xx));
    double const correction =
        ::fma(s, at.cos, ::fma(-c, at.sin, ::fma(s, at.cos_tail, at.sin_tail)));
    double const y = at.sin + correction;
    return x < 0. ? -y : y;
}

// cos(x + dx)
HX_DEVICE double cos_reduced(double x, double dx) {
    TablePlace const at = table_place(x);
    double const r = at.x + (x < 0. ? -dx : dx);
    double const xx = r * r;
    double const s = ::fma(r * xx, sine_part(xx), r);
    double const c = cosine_part(xx);
    double const correction =
        ::fma(-s, at.sin, ::fma(-c, at.cos, ::fma(-s, at.sin_tail, at.cos_tail)));
    return at.cos + correction;
}

// sin(x + quarter pi/2) for 2.43 < |x| < sincos_limit
HX_DEVICE double sin_far(double x, int quarter) {
    double const shift = 0x1.8p52;
    double const t = ::fma(x, 0x1.45f306dc9c883p-1, shift);
    double const n = t - shift;
    double const y = ::fma(-n, -0x1.dde973cp-27, ::fma(-n, 0x1.921fb58p0, x));
    // the rest of pi/2 in two parts: a + da is x - n pi/2
    double const p3 = -0x1.cb3b398p-55;
    double const p4 = -0x1.d747f23e32ed7p-83;
    double const t2 = ::fma(-n, p3, y);
    double const a = ::fma(-n, p4, t2);
    double const da = ::fma(-n, p3, y - t2) + ::fma(-n, p4, t2 - a);
    int const turn = static_cast<int>(as_bits(t) & 3u) + quarter;
    double const z = (turn & 1) != 0 ? cos_reduced(a, da) : sin_reduced(a, da);
    return (turn & 2) != 0 ? -z : z;
}

HX_DEVICE double sin(double x) {
    unsigned const high = static_cast<unsigned>(as_bits(::fabs(x)) >> 32);
    if (high < 0x3e500000u) {
        return x;
    }
    if (high < 0x3feb6000u) {
        return sin_reduced(x, 0.);
    }
    if (high < 0x400368fdu) {
        double const y = cos_reduced(0x1.921fb54442d18p0 - ::fabs(x), 0x1.1a62633145c07p-54);
        return x < 0. ? -y : y;
    }
    return high < 0x419921fbu ? sin_far(x, 0) : ::sin(x);
}

HX_DEVICE double cos(double x) {
    unsigned const high = static_cast<unsigned>(as_bits(::fabs(x)) >> 32);
    if (high < 0x3e400000u) {
        return 1.;
    }
    if (high < 0x3feb6000u) {
        return cos_reduced(x, 0.);
    }
    if (high < 0x400368fdu) {
        double const y = 0x1.921fb54442d18p0 - ::fabs(x);
        double const a = y + 0x1.1a62633145c07p-54;
        return sin_reduced(a, y - a + 0x1.1a62633145c07p-54);
    }
    return high < 0x419921fbu ? sin_far(x, 1) : ::cos(x);
}

} // namespace hx
