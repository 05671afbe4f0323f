/* HX_WIDTH doubles in GCC's vector extension, for ISAs without a file of their own (x86-64-v2). */
#ifndef HELIOX_KERNELS_SIMD_GENERIC_HPP
#define HELIOX_KERNELS_SIMD_GENERIC_HPP

namespace hx {

typedef double vd __attribute__((vector_size(8 * HX_WIDTH)));
typedef long long vi __attribute__((vector_size(8 * HX_WIDTH)));

/* for all lanes l */
#define HX_EACH _Pragma("GCC unroll 8") for (int l = 0; l < HX_WIDTH; ++l)

template <>
struct lanes<vd> {
    static constexpr int width = HX_WIDTH;
    using mask = vi;
    using index = vi;
    HX_MEMBER vd splat(double x) { return x - vd{}; }
    HX_MEMBER vi active(int n) {
        vi m;
        HX_EACH { m[l] = l < n ? -1 : 0; }
        return m;
    }
    HX_MEMBER vd number(vi m) { return (vd)(m & (vi)splat(1.)); }
    HX_MEMBER vd load(double const* p, int n) {
        vd x;
        if (__builtin_constant_p(n) && n == HX_WIDTH) {
            memcpy(&x, p, sizeof x);
        } else {
            HX_EACH { x[l] = p[l < n ? l : 0]; }
        }
        return x;
    }
    HX_MEMBER vd gather(double const* base, int const* row, int n) {
        vd x;
        HX_EACH { x[l] = base[row[l < n ? l : 0]]; }
        return x;
    }
    HX_MEMBER vd gather_pointer(double* const* p, int n) {
        vd x;
        HX_EACH { x[l] = *p[l < n ? l : 0]; }
        return x;
    }
    HX_MEMBER vd from_index(vi i) {
        vd x;
        HX_EACH { x[l] = static_cast<double>(i[l]); }
        return x;
    }
    HX_MEMBER vd table_at(double const* t, vi i) {
        vd x;
        HX_EACH { x[l] = t[i[l]]; }
        return x;
    }
};

HX_INLINE vi lt(vd a, vd b) { return (vi)(a < b); }
HX_INLINE vi le(vd a, vd b) { return (vi)(a <= b); }
HX_INLINE vi gt(vd a, vd b) { return (vi)(a > b); }
HX_INLINE vi ge(vd a, vd b) { return (vi)(a >= b); }
HX_INLINE vi eq(vd a, vd b) { return (vi)(a == b); }
HX_INLINE vi ne(vd a, vd b) { return (vi)(a != b); }
HX_INLINE vi truth(vd a) { return (vi)(a != vd{}); }
HX_INLINE vi land(vi a, vi b) { return a & b; }
HX_INLINE vi lor(vi a, vi b) { return a | b; }
HX_INLINE vi lnot(vi a) { return ~a; }
HX_INLINE unsigned bits(vi a) {
    unsigned b = 0;
    HX_EACH { b |= a[l] ? 1u << l : 0u; }
    return b;
}
HX_INLINE bool any(vi a) { return bits(a) != 0; }
HX_INLINE bool all(vi a) { return bits(a) == (1u << HX_WIDTH) - 1u; }
HX_INLINE vd select(vi m, vd a, vd b) { return m ? a : b; }

HX_INLINE void store(double* p, vd x, int n) {
    if (__builtin_constant_p(n) && n == HX_WIDTH) {
        memcpy(p, &x, sizeof x);
    } else {
        HX_EACH {
            if (l < n) {
                p[l] = x[l];
            }
        }
    }
}
HX_INLINE void store(double* p, vd x, vi m, int n) {
    HX_EACH {
        if (l < n && m[l]) {
            p[l] = x[l];
        }
    }
}
HX_INLINE vi truncate(vd x) {
    vi i;
    HX_EACH { i[l] = static_cast<long long>(x[l]); }
    return i;
}

#define HX_EACH_OF(name)                                                                           \
    HX_INLINE vd name(vd x) {                                                                      \
        HX_EACH { x[l] = ::name(x[l]); }                                                           \
        return x;                                                                                  \
    }
HX_EACH_OF(sqrt)
HX_EACH_OF(fabs)
HX_EACH_OF(floor)
HX_EACH_OF(ceil)
#undef HX_EACH_OF

} // namespace hx
#endif
