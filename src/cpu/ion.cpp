#include "ion.hpp"

#include <cmath>
#include <cstring>

#include "isa_ion.hpp"

namespace heliox {
namespace {

using Rows = void (*)(double*, double const*, double const*, int const*, int, double);

void plain_rows(double* erev, double const* conci, double const* conco, int const* rows, int n,
                double coefficient) {
    for (int i = 0; i < n; ++i) {
        double const ci = conci[rows[i]], co = conco[rows[i]];
        erev[rows[i]] = ci <= 0.0 ? 1e6 : co <= 0.0 ? -1e6 : coefficient * std::log(co / ci);
    }
}

// The vector log must give this C library's bits; concentrations from 1e-9 to 1e3 mM are tried.
bool same_bits(Rows candidate) {
    constexpr int n = 512;
    double inside[n], outside[n], expected[n], got[n];
    int rows[n];
    for (int i = 0; i < n; ++i) {
        inside[i] =
            std::pow(10.0, -9.0 + 12.0 * (i * 0.6180339887498949 - int(i * 0.6180339887498949)));
        outside[i] = i % 3 ? 2.0 : inside[(i * 7) % n];
        rows[i] = i;
    }
    plain_rows(expected, inside, outside, rows, n, 12.5);
    candidate(got, inside, outside, rows, n, 12.5);
    return std::memcmp(expected, got, sizeof got) == 0;
}

Rows choose() {
#if defined(__x86_64__)
    Rows best = nullptr;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        best = v4::nernst_rows;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        best = v3::nernst_rows;
    }
    if (best && same_bits(best)) {
        return best;
    }
#endif
    (void)same_bits;
    return plain_rows;
}

} // namespace

void nernst(double* erev, double const* conci, double const* conco, int const* rows, int n,
            double charge, double coefficient) {
    static Rows const function = choose();
    if (charge == 0.0) {
        for (int i = 0; i < n; ++i) {
            erev[rows[i]] = 0.0;
        }
        return;
    }
    function(erev, conci, conco, rows, n, coefficient);
}

} // namespace heliox
