/* Four doubles in AVX2 with FMA (x86-64-v3). Masks are vectors of all-ones and zeros, as the ISA
 * has them. */
#ifndef HELIOX_KERNELS_SIMD_AVX2_HPP
#define HELIOX_KERNELS_SIMD_AVX2_HPP

#include <immintrin.h>

namespace hx {

typedef double vd __attribute__((vector_size(32)));
typedef long long vi __attribute__((vector_size(32)));
typedef unsigned long long vu __attribute__((vector_size(32)));

HX_INLINE bool full(int n) { return __builtin_constant_p(n) && n == 4; }
HX_INLINE vi first_lanes(int n) {
    vi const lane = {0, 1, 2, 3};
    return (vi)_mm256_cmpgt_epi64(_mm256_set1_epi64x(n), (__m256i)lane);
}

/* Four loads: on the CPUs at hand faster than the gather instruction. */
HX_INLINE vd four(double const* a, double const* b, double const* c, double const* d) {
    return _mm256_set_m128d(_mm_loadh_pd(_mm_load_sd(c), d), _mm_loadh_pd(_mm_load_sd(a), b));
}

template <>
struct lanes<vd> {
    static constexpr int width = 4;
    using mask = vi;
    using index = vi;
    HX_MEMBER vd splat(double x) { return _mm256_set1_pd(x); }
    HX_MEMBER vi active(int n) { return first_lanes(n); }
    HX_MEMBER vd number(vi m) { return _mm256_and_pd((vd)m, _mm256_set1_pd(1.)); }
    HX_MEMBER vd load(double const* p, int n) {
        if (full(n)) {
            return _mm256_loadu_pd(p);
        }
        __m256i m = (__m256i)first_lanes(n);
        return _mm256_blendv_pd(_mm256_broadcast_sd(p), _mm256_maskload_pd(p, m), (__m256d)m);
    }
    HX_MEMBER vd gather(double const* base, int const* row, int n) {
        if (full(n)) {
            return four(base + row[0], base + row[1], base + row[2], base + row[3]);
        }
        return four(base + row[0], base + row[n > 1 ? 1 : 0], base + row[n > 2 ? 2 : 0],
                    base + row[n > 3 ? 3 : 0]);
    }
    HX_MEMBER vd gather_pointer(double* const* p, int n) {
        if (full(n)) {
            return four(p[0], p[1], p[2], p[3]);
        }
        return four(p[0], p[n > 1 ? 1 : 0], p[n > 2 ? 2 : 0], p[n > 3 ? 3 : 0]);
    }
    /* Through 32 bits, which AVX2 can convert: indices are those of tables. */
    HX_MEMBER vd from_index(vi i) {
        __m256i low =
            _mm256_permutevar8x32_epi32((__m256i)i, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
        return _mm256_cvtepi32_pd(_mm256_castsi256_si128(low));
    }
    HX_MEMBER vd table_at(double const* t, vi i) {
        alignas(32) long long lane[4];
        _mm256_store_si256(reinterpret_cast<__m256i*>(lane), (__m256i)i);
        return four(t + lane[0], t + lane[1], t + lane[2], t + lane[3]);
    }
};

HX_INLINE vi lt(vd a, vd b) { return (vi)_mm256_cmp_pd(a, b, _CMP_LT_OQ); }
HX_INLINE vi le(vd a, vd b) { return (vi)_mm256_cmp_pd(a, b, _CMP_LE_OQ); }
HX_INLINE vi gt(vd a, vd b) { return (vi)_mm256_cmp_pd(a, b, _CMP_GT_OQ); }
HX_INLINE vi ge(vd a, vd b) { return (vi)_mm256_cmp_pd(a, b, _CMP_GE_OQ); }
HX_INLINE vi eq(vd a, vd b) { return (vi)_mm256_cmp_pd(a, b, _CMP_EQ_OQ); }
HX_INLINE vi ne(vd a, vd b) { return (vi)_mm256_cmp_pd(a, b, _CMP_NEQ_UQ); }
HX_INLINE vi truth(vd a) { return ne(a, _mm256_setzero_pd()); }
HX_INLINE vi land(vi a, vi b) { return a & b; }
HX_INLINE vi lor(vi a, vi b) { return a | b; }
HX_INLINE vi lnot(vi a) { return ~a; }
HX_INLINE unsigned bits(vi a) { return static_cast<unsigned>(_mm256_movemask_pd((__m256d)a)); }
HX_INLINE bool any(vi a) { return bits(a) != 0; }
HX_INLINE bool all(vi a) { return bits(a) == 0xf; }
HX_INLINE vd select(vi m, vd a, vd b) { return _mm256_blendv_pd(b, a, (__m256d)m); }

HX_INLINE void store(double* p, vd x, int n) {
    if (full(n)) {
        _mm256_storeu_pd(p, x);
    } else {
        _mm256_maskstore_pd(p, (__m256i)first_lanes(n), x);
    }
}
HX_INLINE void store(double* p, vd x, vi m, int n) {
    _mm256_maskstore_pd(p, (__m256i)(full(n) ? m : (m & first_lanes(n))), x);
}
HX_INLINE vi truncate(vd x) { return (vi)_mm256_cvtepi32_epi64(_mm256_cvttpd_epi32(x)); }

HX_INLINE vd fma(vd a, vd b, vd c) { return _mm256_fmadd_pd(a, b, c); }
HX_INLINE vd sqrt(vd x) { return _mm256_sqrt_pd(x); }
HX_INLINE vd fabs(vd x) { return _mm256_andnot_pd(_mm256_set1_pd(-0.), x); }
HX_INLINE vd floor(vd x) { return _mm256_floor_pd(x); }
HX_INLINE vd ceil(vd x) { return _mm256_ceil_pd(x); }

/* Rows of small tables. Loading each row whole and transposing beats one gather a column. */
HX_INLINE void table_pair(unsigned long long const* t, vi i, vd& a, vd& b) {
    double const* d = reinterpret_cast<double const*>(t);
    alignas(32) long long lane[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lane), (__m256i)i);
    __m256d even = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_load_pd(d + 2 * lane[0])),
                                        _mm_load_pd(d + 2 * lane[2]), 1);
    __m256d odd = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_load_pd(d + 2 * lane[1])),
                                       _mm_load_pd(d + 2 * lane[3]), 1);
    a = _mm256_unpacklo_pd(even, odd);
    b = _mm256_unpackhi_pd(even, odd);
}
HX_INLINE void table_triple(unsigned long long const* t, vi i, vd& a, vd& b, vd& c) {
    double const* d = reinterpret_cast<double const*>(t);
    alignas(32) long long lane[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lane), (__m256i)i);
    __m256d r0 = _mm256_load_pd(d + 4 * lane[0]);
    __m256d r1 = _mm256_load_pd(d + 4 * lane[1]);
    __m256d r2 = _mm256_load_pd(d + 4 * lane[2]);
    __m256d r3 = _mm256_load_pd(d + 4 * lane[3]);
    __m256d low_ac = _mm256_unpacklo_pd(r0, r1);
    __m256d high_ac = _mm256_unpacklo_pd(r2, r3);
    a = _mm256_permute2f128_pd(low_ac, high_ac, 0x20);
    c = _mm256_permute2f128_pd(low_ac, high_ac, 0x31);
    b = _mm256_permute2f128_pd(_mm256_unpackhi_pd(r0, r1), _mm256_unpackhi_pd(r2, r3), 0x20);
}

} // namespace hx

#ifndef HX_LIBM_MATH
#define HX_VECTOR_MATH 1
#endif
#endif
