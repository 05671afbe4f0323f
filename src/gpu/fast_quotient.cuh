// Division for fast fidelity: right to about one unit in the last place, without the cases that IEEE asks for.
//
// There is no branch, so that the compiler may work at several quotients side by side: selections take care of zeros,
// infinities and NaN.
#pragma once

namespace hx {

#ifdef __CUDACC_RTC__

// x / y, |x| neither below 1e-290 nor above 1e290. A y below 2.3e-308 counts as zero.
HX_DEVICE double fast_quotient_of(double x, double y) {
    double coarse;
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(coarse) : "d"(y)); // 20 bits
    double const e = __fma_rn(-y, coarse, 1.);
    double const r = __fma_rn(coarse, __fma_rn(e, e, e), coarse);
    double const q = x * r;
    double const better = __fma_rn(__fma_rn(-y, q, x), r, q);
    return better == better ? better : x * coarse; // y is 0, infinite or NaN
}

// x / y. A y whose inverse the instruction does not know is scaled, and x with it.
HX_DEVICE double fast_quotient(double x, double y) {
    bool const small = (__double2hiint(y) & 0x7ff00000) == 0;
    double const scale = small ? 0x1p110 : 1.;
    return fast_quotient_of(x * scale, y * scale);
}

#else

HX_DEVICE double fast_quotient_of(double x, double y) { return x / y; }
HX_DEVICE double fast_quotient(double x, double y) { return x / y; }

#endif

} // namespace hx
