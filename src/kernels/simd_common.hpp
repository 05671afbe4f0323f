/* What is the same for every vector ISA: writes whose rows may repeat, and libm lane by lane.
 * Included by simd.hpp after the file of the ISA, which gives vd, vi, lanes<vd> and spill(). */
#ifndef HELIOX_KERNELS_SIMD_COMMON_HPP
#define HELIOX_KERNELS_SIMD_COMMON_HPP

namespace hx {

/* base[row[l]] += x[l] in lane order. Rows may repeat (several point processes on a node), hence
 * no scatter: each addition must see the one before it. */
HX_INLINE void accumulate(double* base, int const* row, vd x, int n) {
    alignas(sizeof(vd)) double lane[HX_WIDTH];
    memcpy(lane, &x, sizeof x);
    if (__builtin_constant_p(n) && n == HX_WIDTH) {
#pragma GCC unroll 8
        for (int l = 0; l < HX_WIDTH; ++l) {
            base[row[l]] += lane[l];
        }
    } else {
        for (int l = 0; l < n; ++l) {
            base[row[l]] += lane[l];
        }
    }
}
HX_INLINE void deduct(double* base, int const* row, vd x, int n) {
    alignas(sizeof(vd)) double lane[HX_WIDTH];
    memcpy(lane, &x, sizeof x);
    if (__builtin_constant_p(n) && n == HX_WIDTH) {
#pragma GCC unroll 8
        for (int l = 0; l < HX_WIDTH; ++l) {
            base[row[l]] -= lane[l];
        }
    } else {
        for (int l = 0; l < n; ++l) {
            base[row[l]] -= lane[l];
        }
    }
}
HX_INLINE void scatter(double* base, int const* row, vd x, int n) {
    alignas(sizeof(vd)) double lane[HX_WIDTH];
    memcpy(lane, &x, sizeof x);
    if (__builtin_constant_p(n) && n == HX_WIDTH) {
#pragma GCC unroll 8
        for (int l = 0; l < HX_WIDTH; ++l) {
            base[row[l]] = lane[l];
        }
    } else {
        for (int l = 0; l < n; ++l) {
            base[row[l]] = lane[l];
        }
    }
}

/* Loops over lanes in functions of their own: a call a lane is slow anyway, and the kernel stays
 * small. */
#define HX_LANES(name)                                                                             \
    HX_COLD void name##_lanes(double* x) {                                                         \
        for (int l = 0; l < HX_WIDTH; ++l) {                                                       \
            x[l] = ::name(x[l]);                                                                   \
        }                                                                                          \
    }                                                                                              \
    HX_INLINE vd name(vd x) {                                                                      \
        alignas(sizeof(vd)) double lane[HX_WIDTH];                                                 \
        memcpy(lane, &x, sizeof x);                                                                \
        name##_lanes(lane);                                                                        \
        memcpy(&x, lane, sizeof x);                                                                \
        return x;                                                                                  \
    }
HX_LIBM_1(HX_LANES)
#undef HX_LANES

#define HX_LANES(name)                                                                             \
    HX_COLD void name##_lanes(double* x, double const* y) {                                        \
        for (int l = 0; l < HX_WIDTH; ++l) {                                                       \
            x[l] = ::name(x[l], y[l]);                                                             \
        }                                                                                          \
    }                                                                                              \
    HX_INLINE vd name(vd x, vd y) {                                                                \
        alignas(sizeof(vd)) double lane[HX_WIDTH], other[HX_WIDTH];                                \
        memcpy(lane, &x, sizeof x);                                                                \
        memcpy(other, &y, sizeof y);                                                               \
        name##_lanes(lane, other);                                                                 \
        memcpy(&x, lane, sizeof x);                                                                \
        return x;                                                                                  \
    }
HX_LIBM_2(HX_LANES)
#undef HX_LANES

} // namespace hx
#endif
