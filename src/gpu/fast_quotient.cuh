// Division for fast fidelity: right to about one unit in the last place, without the cases that IEEE asks for.
#pragma once

namespace hx {

#ifdef __CUDACC_RTC__

// Out of line: written out at every division it would fill the instruction cache.
HX_COLD_DEVICE double rare_quotient(double x, double y) { return x / y; }

HX_DEVICE double fast_quotient(double x, double y) {
    double r;
    asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(y)); // 20 bits
    double const e = __fma_rn(-y, r, 1.);
    r = __fma_rn(r, __fma_rn(e, e, e), r);
    double const q = x * r;
    double const better = __fma_rn(__fma_rn(-y, q, x), r, q);
    return ::fabs(better) < 1e300 ? better : rare_quotient(x, y); // zeros, infinities, NaN
}

#else

HX_DEVICE double fast_quotient(double x, double y) { return x / y; }

#endif

} // namespace hx
