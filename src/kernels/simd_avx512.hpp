/* Eight doubles in AVX-512 (F, DQ, VL: x86-64-v4). Masks are k registers: as vectors of integers
 * (what GCC's own comparisons give) every land, lor and select would move between the two kinds. */
#ifndef HELIOX_KERNELS_SIMD_AVX512_HPP
#define HELIOX_KERNELS_SIMD_AVX512_HPP

#include <immintrin.h>

/* GCC 12's intrinsics start from an undefined register and then warn about it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace hx {

typedef double vd __attribute__((vector_size(64)));
typedef long long vi __attribute__((vector_size(64)));
typedef unsigned long long vu __attribute__((vector_size(64)));
struct mask8 {
    __mmask8 k;
};

HX_INLINE __mmask8 first_lanes(int n) { return static_cast<__mmask8>((1u << n) - 1u); }
/* A full load needs no mask; a constant n (the main loop) is decided when compiling. */
HX_INLINE bool full(int n) { return __builtin_constant_p(n) && n == 8; }

/* Eight loads: on the CPUs at hand twice as fast as the gather instruction. */
template <class I>
HX_INLINE vd eight(double const* base, I const* i) {
    __m128d a = _mm_loadh_pd(_mm_load_sd(base + i[0]), base + i[1]);
    __m128d b = _mm_loadh_pd(_mm_load_sd(base + i[2]), base + i[3]);
    __m128d c = _mm_loadh_pd(_mm_load_sd(base + i[4]), base + i[5]);
    __m128d d = _mm_loadh_pd(_mm_load_sd(base + i[6]), base + i[7]);
    return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_set_m128d(b, a)),
                              _mm256_set_m128d(d, c), 1);
}

template <>
struct lanes<vd> {
    static constexpr int width = 8;
    using mask = mask8;
    using index = vi;
    HX_MEMBER vd splat(double x) { return _mm512_set1_pd(x); }
    HX_MEMBER mask8 active(int n) { return {first_lanes(n)}; }
    HX_MEMBER vd number(mask8 m) { return _mm512_maskz_mov_pd(m.k, _mm512_set1_pd(1.)); }
    HX_MEMBER vd load(double const* p, int n) {
        if (full(n)) {
            return _mm512_loadu_pd(p);
        }
        return _mm512_mask_loadu_pd(_mm512_set1_pd(p[0]), first_lanes(n), p);
    }
    HX_MEMBER vd gather(double const* base, int const* row, int n) {
        if (full(n)) {
            return eight(base, row);
        }
        __m256i rows = _mm256_mask_loadu_epi32(_mm256_set1_epi32(row[0]), first_lanes(n), row);
        return _mm512_mask_i32gather_pd(_mm512_setzero_pd(), 0xff, rows, base, 8);
    }
    HX_MEMBER vd gather_pointer(double* const* p, int n) {
        alignas(64) double lane[8];
#pragma GCC unroll 8
        for (int l = 0; l < 8; ++l) {
            lane[l] = *p[full(n) || l < n ? l : 0];
        }
        return _mm512_load_pd(lane);
    }
    HX_MEMBER vd from_index(vi i) { return _mm512_cvtepi64_pd((__m512i)i); }
    HX_MEMBER vd table_at(double const* t, vi i) {
        alignas(64) long long lane[8];
        _mm512_store_si512(lane, (__m512i)i);
        return eight(t, lane);
    }
};

HX_INLINE mask8 lt(vd a, vd b) { return {_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ)}; }
HX_INLINE mask8 le(vd a, vd b) { return {_mm512_cmp_pd_mask(a, b, _CMP_LE_OQ)}; }
HX_INLINE mask8 gt(vd a, vd b) { return {_mm512_cmp_pd_mask(a, b, _CMP_GT_OQ)}; }
HX_INLINE mask8 ge(vd a, vd b) { return {_mm512_cmp_pd_mask(a, b, _CMP_GE_OQ)}; }
HX_INLINE mask8 eq(vd a, vd b) { return {_mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ)}; }
HX_INLINE mask8 ne(vd a, vd b) { return {_mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ)}; }
HX_INLINE mask8 truth(vd a) { return ne(a, _mm512_setzero_pd()); }
HX_INLINE mask8 land(mask8 a, mask8 b) { return {static_cast<__mmask8>(a.k & b.k)}; }
HX_INLINE mask8 lor(mask8 a, mask8 b) { return {static_cast<__mmask8>(a.k | b.k)}; }
HX_INLINE mask8 lnot(mask8 a) { return {static_cast<__mmask8>(~a.k)}; }
HX_INLINE bool any(mask8 a) { return a.k != 0; }
HX_INLINE bool all(mask8 a) { return a.k == 0xff; }
HX_INLINE unsigned bits(mask8 a) { return a.k; }
HX_INLINE vd select(mask8 m, vd a, vd b) { return _mm512_mask_blend_pd(m.k, b, a); }

HX_INLINE void store(double* p, vd x, int n) {
    if (full(n)) {
        _mm512_storeu_pd(p, x);
    } else {
        _mm512_mask_storeu_pd(p, first_lanes(n), x);
    }
}
HX_INLINE void store(double* p, vd x, mask8 m, int n) {
    _mm512_mask_storeu_pd(p, full(n) ? m.k : static_cast<__mmask8>(m.k & first_lanes(n)), x);
}
HX_INLINE vi truncate(vd x) { return (vi)_mm512_cvttpd_epi64(x); }

HX_INLINE vd fma(vd a, vd b, vd c) { return _mm512_fmadd_pd(a, b, c); }
HX_INLINE vd sqrt(vd x) { return _mm512_maskz_sqrt_pd(0xff, x); }
HX_INLINE vd fabs(vd x) { return _mm512_abs_pd(x); }
HX_INLINE vd floor(vd x) {
    return _mm512_maskz_roundscale_pd(0xff, x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
HX_INLINE vd ceil(vd x) {
    return _mm512_maskz_roundscale_pd(0xff, x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

/* Rows of small tables. Loading each row whole and transposing beats one gather a column. */
HX_INLINE __m512d row_pairs(unsigned long long const* t, long long const* i) {
    double const* d = reinterpret_cast<double const*>(t);
    __m256d low = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_load_pd(d + 2 * i[0])),
                                       _mm_load_pd(d + 2 * i[2]), 1);
    __m256d high = _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_load_pd(d + 2 * i[4])),
                                        _mm_load_pd(d + 2 * i[6]), 1);
    return _mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1);
}
HX_INLINE void table_pair(unsigned long long const* t, vi i, vd& a, vd& b) {
    alignas(64) long long lane[8];
    _mm512_store_si512(lane, (__m512i)i);
    __m512d even = row_pairs(t, lane);
    __m512d odd = row_pairs(t, lane + 1);
    a = _mm512_unpacklo_pd(even, odd);
    b = _mm512_unpackhi_pd(even, odd);
}
HX_INLINE __m512d two_rows(unsigned long long const* t, long long i, long long j) {
    double const* d = reinterpret_cast<double const*>(t);
    return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_load_pd(d + 4 * i)),
                              _mm256_load_pd(d + 4 * j), 1);
}
HX_INLINE void table_triple(unsigned long long const* t, vi i, vd& a, vd& b, vd& c) {
    alignas(64) long long lane[8];
    _mm512_store_si512(lane, (__m512i)i);
    __m512d r0 = two_rows(t, lane[0], lane[2]);
    __m512d r1 = two_rows(t, lane[1], lane[3]);
    __m512d r2 = two_rows(t, lane[4], lane[6]);
    __m512d r3 = two_rows(t, lane[5], lane[7]);
    __m512d low_ac = _mm512_unpacklo_pd(r0, r1);
    __m512d high_ac = _mm512_unpacklo_pd(r2, r3);
    a = _mm512_shuffle_f64x2(low_ac, high_ac, 0x88);
    c = _mm512_shuffle_f64x2(low_ac, high_ac, 0xdd);
    b = _mm512_shuffle_f64x2(_mm512_unpackhi_pd(r0, r1), _mm512_unpackhi_pd(r2, r3), 0x88);
}

} // namespace hx

#pragma GCC diagnostic pop

#ifndef HX_LIBM_MATH
#define HX_VECTOR_MATH 1
#endif
#endif
