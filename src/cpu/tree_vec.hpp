// Vec: W doubles, W = 8 with AVX-512, 4 with AVX2, and the few data movements the tree kernels
// need.
//
// No operation here rounds but + - * /. Lane masks are bits; a lane that is masked out keeps the
// first operand's bits (adding zero would turn -0 into +0).
#pragma once

#if defined(__AVX512F__) || defined(__AVX2__)
#define HX_TREE_VEC 1
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// gcc 12's own AVX-512 header passes an undefined vector to builtins that ignore it
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

namespace heliox {
namespace HX_ISA_NS {

#if defined(__AVX512F__)

struct Vec {
    __m512d x;
    static constexpr int width = 8;
    static Vec load(double const* p) { return {_mm512_loadu_pd(p)}; }
    static Vec load(unsigned m, double const* p) { return {_mm512_maskz_loadu_pd(__mmask8(m), p)}; }
    static Vec all(double s) { return {_mm512_set1_pd(s)}; }
    void store(double* p) const { _mm512_storeu_pd(p, x); }
    void store(unsigned m, double* p) const { _mm512_mask_storeu_pd(p, __mmask8(m), x); }
};
inline Vec operator+(Vec a, Vec b) { return {_mm512_add_pd(a.x, b.x)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_pd(a.x, b.x)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_pd(a.x, b.x)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_pd(a.x, b.x)}; }
inline Vec add_where(unsigned m, Vec a, Vec b) {
    return {_mm512_mask_add_pd(a.x, __mmask8(m), a.x, b.x)};
}
inline Vec sub_where(unsigned m, Vec a, Vec b) {
    return {_mm512_mask_sub_pd(a.x, __mmask8(m), a.x, b.x)};
}
// b where m, else a
inline Vec select(unsigned m, Vec a, Vec b) {
    return {_mm512_mask_blend_pd(__mmask8(m), a.x, b.x)};
}
// lane i of the result is the next unused lane of a, for each i in m; any value elsewhere
inline Vec spread(unsigned m, Vec a) { return {_mm512_maskz_expand_pd(__mmask8(m), a.x)}; }
inline unsigned nan_lanes(Vec a) { return _mm512_cmp_pd_mask(a.x, a.x, _CMP_UNORD_Q); }

inline Vec load_rows(double const* const* p, int i) {
    return {_mm512_set_pd(p[7][i], p[6][i], p[5][i], p[4][i], p[3][i], p[2][i], p[1][i], p[0][i])};
}

inline void transpose(Vec r[8]) {
    __m512d t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_pd(r[i].x, r[i + 1].x);
        t[i + 1] = _mm512_unpackhi_pd(r[i].x, r[i + 1].x);
    }
    for (int i = 0; i < 2; ++i) { // pairs of 128-bit lanes of rows 0..3 and 4..7
        u[i] = _mm512_shuffle_f64x2(t[i], t[i + 2], 0x88);
        u[i + 2] = _mm512_shuffle_f64x2(t[i], t[i + 2], 0xdd);
        u[i + 4] = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0x88);
        u[i + 6] = _mm512_shuffle_f64x2(t[i + 4], t[i + 6], 0xdd);
    }
    for (int i = 0; i < 2; ++i) {
        r[i].x = _mm512_shuffle_f64x2(u[i], u[i + 4], 0x88);
        r[i + 4].x = _mm512_shuffle_f64x2(u[i], u[i + 4], 0xdd);
        r[i + 2].x = _mm512_shuffle_f64x2(u[i + 2], u[i + 6], 0x88);
        r[i + 6].x = _mm512_shuffle_f64x2(u[i + 2], u[i + 6], 0xdd);
    }
}

// Writes W consecutive quadruples (a, b, c, d).
inline void store_quads(double* q, Vec a, Vec b, Vec c, Vec d) {
    __m512d const ab = _mm512_unpacklo_pd(a.x, b.x), ab1 = _mm512_unpackhi_pd(a.x, b.x);
    __m512d const cd = _mm512_unpacklo_pd(c.x, d.x), cd1 = _mm512_unpackhi_pd(c.x, d.x);
    __m512i const low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    __m512i const high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    __m512d const q02 = _mm512_permutex2var_pd(ab, low, cd);
    __m512d const q13 = _mm512_permutex2var_pd(ab1, low, cd1);
    __m512d const q46 = _mm512_permutex2var_pd(ab, high, cd);
    __m512d const q57 = _mm512_permutex2var_pd(ab1, high, cd1);
    _mm256_storeu_pd(q, _mm512_castpd512_pd256(q02));
    _mm256_storeu_pd(q + 4, _mm512_castpd512_pd256(q13));
    _mm256_storeu_pd(q + 8, _mm512_extractf64x4_pd(q02, 1));
    _mm256_storeu_pd(q + 12, _mm512_extractf64x4_pd(q13, 1));
    _mm256_storeu_pd(q + 16, _mm512_castpd512_pd256(q46));
    _mm256_storeu_pd(q + 20, _mm512_castpd512_pd256(q57));
    _mm256_storeu_pd(q + 24, _mm512_extractf64x4_pd(q46, 1));
    _mm256_storeu_pd(q + 28, _mm512_extractf64x4_pd(q57, 1));
}

// Reads the quadruples at rows[0..W) of q.
inline void load_quads(double const* q, int const* rows, Vec& a, Vec& b, Vec& c, Vec& d) {
    auto pair = [&](int i) {
        __m256d const lo = _mm256_loadu_pd(q + 4 * long(rows[i]));
        __m256d const hi = _mm256_loadu_pd(q + 4 * long(rows[i + 4]));
        return _mm512_insertf64x4(_mm512_castpd256_pd512(lo), hi, 1);
    };
    __m512d const q04 = pair(0), q15 = pair(1), q26 = pair(2), q37 = pair(3);
    __m512d const ac01 = _mm512_unpacklo_pd(q04, q15), bd01 = _mm512_unpackhi_pd(q04, q15);
    __m512d const ac23 = _mm512_unpacklo_pd(q26, q37), bd23 = _mm512_unpackhi_pd(q26, q37);
    __m512i const first = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
    __m512i const second = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
    a.x = _mm512_permutex2var_pd(ac01, first, ac23);
    b.x = _mm512_permutex2var_pd(bd01, first, bd23);
    c.x = _mm512_permutex2var_pd(ac01, second, ac23);
    d.x = _mm512_permutex2var_pd(bd01, second, bd23);
}

inline void scatter(double* p, int const* rows, Vec a) {
    auto two = [&](int i, __m128d y) {
        _mm_storel_pd(p + rows[i], y);
        _mm_storeh_pd(p + rows[i + 1], y);
    };
    two(0, _mm512_castpd512_pd128(a.x));
    two(2, _mm512_extractf64x2_pd(a.x, 1));
    two(4, _mm512_extractf64x2_pd(a.x, 2));
    two(6, _mm512_extractf64x2_pd(a.x, 3));
}

#else // AVX2

// Row m: all bits of the lanes in m; and the float lanes that bring a's next unused double to each.
alignas(32) constexpr long long mask_table[16][4] = {
    {0, 0, 0, 0},   {-1, 0, 0, 0},   {0, -1, 0, 0},   {-1, -1, 0, 0},
    {0, 0, -1, 0},  {-1, 0, -1, 0},  {0, -1, -1, 0},  {-1, -1, -1, 0},
    {0, 0, 0, -1},  {-1, 0, 0, -1},  {0, -1, 0, -1},  {-1, -1, 0, -1},
    {0, 0, -1, -1}, {-1, 0, -1, -1}, {0, -1, -1, -1}, {-1, -1, -1, -1}};
alignas(32) constexpr int spread_table[16][8] = {
    {0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1},
    {0, 1, 2, 3, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 2, 3, 0, 1},
    {0, 1, 0, 1, 2, 3, 0, 1}, {0, 1, 2, 3, 4, 5, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1},
    {0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 2, 3, 0, 1, 4, 5},
    {0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 0, 1, 2, 3, 4, 5}, {0, 1, 0, 1, 2, 3, 4, 5},
    {0, 1, 2, 3, 4, 5, 6, 7}};

struct Vec {
    __m256d x;
    static constexpr int width = 4;
    static __m256i mask(unsigned m) {
        return _mm256_load_si256(reinterpret_cast<__m256i const*>(mask_table[m]));
    }
    static Vec load(double const* p) { return {_mm256_loadu_pd(p)}; }
    static Vec load(unsigned m, double const* p) { return {_mm256_maskload_pd(p, mask(m))}; }
    static Vec all(double s) { return {_mm256_set1_pd(s)}; }
    void store(double* p) const { _mm256_storeu_pd(p, x); }
    void store(unsigned m, double* p) const { _mm256_maskstore_pd(p, mask(m), x); }
};
inline Vec operator+(Vec a, Vec b) { return {_mm256_add_pd(a.x, b.x)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_pd(a.x, b.x)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_pd(a.x, b.x)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_pd(a.x, b.x)}; }
// b where m, else a
inline Vec select(unsigned m, Vec a, Vec b) {
    return {_mm256_blendv_pd(a.x, b.x, _mm256_castsi256_pd(Vec::mask(m)))};
}
inline Vec add_where(unsigned m, Vec a, Vec b) { return select(m, a, a + b); }
// x - (+0) is x for every x
inline Vec sub_where(unsigned m, Vec a, Vec b) {
    return {_mm256_sub_pd(a.x, _mm256_and_pd(_mm256_castsi256_pd(Vec::mask(m)), b.x))};
}
// lane i of the result is the next unused lane of a, for each i in m; any value elsewhere
inline Vec spread(unsigned m, Vec a) {
    auto const lanes = _mm256_load_si256(reinterpret_cast<__m256i const*>(spread_table[m]));
    return {_mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(a.x), lanes))};
}
inline unsigned nan_lanes(Vec a) {
    return unsigned(_mm256_movemask_pd(_mm256_cmp_pd(a.x, a.x, _CMP_UNORD_Q)));
}

inline Vec load_rows(double const* const* p, int i) {
    return {_mm256_set_pd(p[3][i], p[2][i], p[1][i], p[0][i])};
}

inline void transpose(Vec r[4]) {
    __m256d const t0 = _mm256_unpacklo_pd(r[0].x, r[1].x), t1 = _mm256_unpackhi_pd(r[0].x, r[1].x);
    __m256d const t2 = _mm256_unpacklo_pd(r[2].x, r[3].x), t3 = _mm256_unpackhi_pd(r[2].x, r[3].x);
    r[0].x = _mm256_permute2f128_pd(t0, t2, 0x20);
    r[1].x = _mm256_permute2f128_pd(t1, t3, 0x20);
    r[2].x = _mm256_permute2f128_pd(t0, t2, 0x31);
    r[3].x = _mm256_permute2f128_pd(t1, t3, 0x31);
}

// Writes W consecutive quadruples (a, b, c, d).
inline void store_quads(double* q, Vec a, Vec b, Vec c, Vec d) {
    Vec r[4] = {a, b, c, d};
    transpose(r);
    for (int i = 0; i < 4; ++i) r[i].store(q + 4 * i);
}

// Reads the quadruples at rows[0..W) of q.
inline void load_quads(double const* q, int const* rows, Vec& a, Vec& b, Vec& c, Vec& d) {
    Vec r[4];
    for (int i = 0; i < 4; ++i) r[i] = Vec::load(q + 4 * long(rows[i]));
    transpose(r);
    a = r[0], b = r[1], c = r[2], d = r[3];
}

inline void scatter(double* p, int const* rows, Vec a) {
    __m128d const low = _mm256_castpd256_pd128(a.x), high = _mm256_extractf128_pd(a.x, 1);
    _mm_storel_pd(p + rows[0], low);
    _mm_storeh_pd(p + rows[1], low);
    _mm_storel_pd(p + rows[2], high);
    _mm_storeh_pd(p + rows[3], high);
}

#endif

} // namespace HX_ISA_NS
} // namespace heliox

#endif // AVX-512 or AVX2
