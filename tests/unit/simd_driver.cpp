// Checks simd.hpp on the machine it runs on; prints one line a check: name, failures, tests.
// Compiled by test_simd.py once for each ISA.

#include "libm_check.hpp"
#include "simd.hpp"

#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using hx::vd;
constexpr int W = hx::width<vd>;
constexpr int block = 1024;

std::uint64_t state = 20240229;
std::uint64_t random_bits() {
    std::uint64_t x = (state += 0x9e3779b97f4a7c15ull);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}
double uniform(double a, double b) {
    return a + (b - a) * (static_cast<double>(random_bits() >> 11) * 0x1p-53);
}
double sign() { return (random_bits() & 1) != 0 ? 1. : -1.; }
double any_double() {
    std::uint64_t u = random_bits();
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}
bool same(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

int warnings = 0;
double hoc_exp(double) {
    ++warnings;
    return hx::libm_exp(700.);
}

double x[block], y[block], z[block];

void vector_exp() {
    for (int i = 0; i < block; i += W) {
        hx::store(z + i, hx::exp(hx::load<vd>(x + i, W), hx::active<vd>(W), hoc_exp), W);
    }
}
void vector_log() {
    for (int i = 0; i < block; i += W) {
        hx::store(z + i, hx::log(hx::load<vd>(x + i, W)), W);
    }
}
void vector_pow() {
    for (int i = 0; i < block; i += W) {
        hx::store(z + i, hx::pow(hx::load<vd>(x + i, W), hx::load<vd>(y + i, W)), W);
    }
}
double scalar_exp(int i) {
    return x[i] < -700. ? 0. : x[i] > 700. ? hx::libm_exp(700.) : ::exp(x[i]);
}
double scalar_log(int i) { return ::log(x[i]); }
double scalar_pow(int i) { return ::pow(x[i], y[i]); }

template <class Fill>
void compare(char const* name, void (*vector)(), double (*scalar)(int), Fill fill) {
    long failures = 0;
    long const tests = 200 * block;
    for (long k = 0; k < tests; k += block) {
        for (int i = 0; i < block; ++i) {
            fill(i);
        }
        vector();
        for (int i = 0; i < block; ++i) {
            double const expected = scalar(i);
            if (!same(expected, z[i]) && failures++ == 0) {
                std::printf("# %s(%a, %a): libm %a, here %a\n", name, x[i], y[i], expected, z[i]);
            }
        }
    }
    std::printf("%s %ld %ld\n", name, failures, tests);
}

void math() {
    compare("exp_700", vector_exp, scalar_exp, [](int i) { x[i] = uniform(-720., 720.); });
    compare("exp_20", vector_exp, scalar_exp, [](int i) { x[i] = uniform(-20., 20.); });
    compare("exp_scales", vector_exp, scalar_exp,
            [](int i) { x[i] = sign() * ::exp2(uniform(-1074., 10.)); });
    compare("exp_bits", vector_exp, scalar_exp, [](int i) { x[i] = any_double(); });
    compare("log_4", vector_log, scalar_log, [](int i) { x[i] = uniform(0., 4.); });
    compare("log_near_1", vector_log, scalar_log,
            [](int i) { x[i] = 1. + sign() * ::exp2(uniform(-53., -3.)); });
    compare("log_scales", vector_log, scalar_log,
            [](int i) { x[i] = ::exp2(uniform(-1074., 1024.)); });
    compare("log_bits", vector_log, scalar_log, [](int i) { x[i] = any_double(); });
    compare("pow_10", vector_pow, scalar_pow,
            [](int i) { x[i] = uniform(0., 10.), y[i] = uniform(-10., 10.); });
    compare("pow_integer", vector_pow, scalar_pow,
            [](int i) { x[i] = uniform(-1., 1.), y[i] = ::floor(uniform(-8., 9.)); });
    compare("pow_scales", vector_pow, scalar_pow, [](int i) {
        x[i] = ::exp2(uniform(-1074., 1024.)), y[i] = sign() * ::exp2(uniform(-70., 12.));
    });
    compare("pow_near_1", vector_pow, scalar_pow, [](int i) {
        x[i] = 1. + sign() * ::exp2(uniform(-53., -3.)), y[i] = sign() * ::exp2(uniform(0., 64.));
    });
    compare("pow_bits", vector_pow, scalar_pow,
            [](int i) { x[i] = any_double(), y[i] = any_double(); });
    double const special[] = {0.,    -0.,   1.,          -1.,   .5,           2.,
                              3.,    -2.,   1e-320,      1e308, INFINITY,     -INFINITY,
                              NAN,   700.,  700.0000001, -700., -700.0000001, 512.,
                              -512., 709.9, -745.2};
    int const n = sizeof special / sizeof *special;
    compare("pow_special", vector_pow, scalar_pow,
            [&](int i) { x[i] = special[random_bits() % n], y[i] = special[random_bits() % n]; });
    compare("exp_special", vector_exp, scalar_exp,
            [&](int i) { x[i] = special[random_bits() % n]; });
    compare("log_special", vector_log, scalar_log,
            [&](int i) { x[i] = special[random_bits() % n]; });
}

long failures = 0;
long tests = 0;
void expect(bool ok) {
    ++tests;
    failures += ok ? 0 : 1;
}
void report(char const* name) {
    std::printf("%s %ld %ld\n", name, failures, tests);
    failures = tests = 0;
}
/* lane l of v */
double at(vd v, int l) {
    double lane[W];
    memcpy(lane, &v, sizeof v);
    return lane[l];
}
int opaque(int n) {
    __asm__("" : "+r"(n));
    return n;
}

/* Loads and stores of n lanes, in arrays of exactly n, so that a sanitizer sees what is read. */
void memory() {
    for (int n = 1; n <= W; ++n) {
        std::vector<double> p(n), q(n, -1.), base(100), out(100, -1.);
        std::vector<int> row(n);
        std::vector<double*> pointer(n);
        for (int l = 0; l < 100; ++l) {
            base[l] = 1000. + l;
        }
        for (int l = 0; l < n; ++l) {
            p[l] = 10. + l;
            row[l] = (37 * l + 5) % 100;
            pointer[l] = &base[row[l]];
        }
        vd const v = hx::load<vd>(p.data(), n);
        vd const g = hx::gather<vd>(base.data(), row.data(), n);
        vd const d = hx::gather_pointer<vd>(pointer.data(), n);
        for (int l = 0; l < W; ++l) {
            expect(at(v, l) == p[l < n ? l : 0]);
            expect(at(g, l) == base[row[l < n ? l : 0]]);
            expect(at(d, l) == base[row[l < n ? l : 0]]);
            expect(at(hx::number<vd>(hx::active<vd>(n)), l) == (l < n ? 1. : 0.));
        }
        hx::store(q.data(), v, n);
        hx::scatter(out.data(), row.data(), v, n);
        for (int l = 0; l < n; ++l) {
            expect(q[l] == p[l]);
            expect(out[row[l]] == p[l]);
        }
        expect(n == W || out[(37 * n + 5) % 100] == -1.);
        q.assign(n, -1.);
        hx::store(q.data(), v, hx::gt(v, hx::splat<vd>(11.)), n);
        for (int l = 0; l < n; ++l) {
            expect(q[l] == (p[l] > 11. ? p[l] : -1.));
        }
    }
    report("memory");
    double lane[W];
    double base[100];
    int row[W];
    double* pointer[W];
    for (int l = 0; l < 100; ++l) {
        base[l] = 3. * l;
    }
    for (int l = 0; l < W; ++l) {
        row[l] = 99 - 11 * l;
        pointer[l] = base + row[l];
        lane[l] = l - 2.5;
    }
    vd const v = hx::load<vd>(lane, W);
    auto const i = hx::truncate(v * 7.);
    for (int l = 0; l < W; ++l) {
        expect(at(v, l) == lane[l]);
        expect(at(hx::gather<vd>(base, row, W), l) == base[row[l]]);
        expect(at(hx::gather_pointer<vd>(pointer, W), l) == base[row[l]]);
        expect(i[l] == static_cast<long long>(lane[l] * 7.));
        expect(at(hx::from_index<vd>(i), l) == static_cast<double>(i[l]));
        expect(at(hx::table_at<vd>(base + 50, i), l) == base[50 + i[l]]);
    }
    report("full_width");
}

/* Rows that repeat: the order of additions shows in the rounding. */
void repeated_rows() {
    for (int n: {opaque(1), opaque(W - 1), opaque(W)}) {
        double lane[W], a[2] = {1., 2.}, b[2] = {1., 2.}, c[2] = {1., 2.};
        int row[W];
        for (int l = 0; l < W; ++l) {
            lane[l] = uniform(-1., 1.) * ::exp2(uniform(-30., 30.));
            row[l] = l % 3 == 1;
        }
        vd const v = hx::load<vd>(lane, W);
        hx::accumulate(a, row, v, n);
        for (int l = 0; l < n; ++l) {
            b[row[l]] += lane[l];
        }
        expect(a[0] == b[0] && a[1] == b[1]);
        hx::deduct(c, row, v, n);
        hx::accumulate(c, row, v, n);
        for (int l = 0; l < 2; ++l) {
            a[l] = l + 1.;
        }
        for (int l = 0; l < n; ++l) {
            a[row[l]] -= lane[l];
        }
        for (int l = 0; l < n; ++l) {
            a[row[l]] += lane[l];
        }
        expect(a[0] == c[0] && a[1] == c[1]);
    }
    double lane[W], a[1] = {.1}, b[1] = {.1};
    int row[W] = {};
    for (int l = 0; l < W; ++l) {
        b[0] += lane[l] = 1. / (3 + l);
    }
    hx::accumulate(a, row, hx::load<vd>(lane, W), W);
    expect(a[0] == b[0]);
    report("repeated_rows");
}

void masks() {
    /* Hidden from the compiler, which would fold. */
    double value[] = {-1., -0., 0., 1., NAN, 2., INFINITY, -INFINITY};
    __asm__("" : "+m"(value));
    for (double a: value) {
        for (double b: value) {
            vd const u = hx::splat<vd>(a), v = hx::splat<vd>(b);
            auto const is = [](hx::mask<vd> m, bool expected) {
                expect(hx::any(m) == expected && hx::all(m) == expected);
                expect(at(hx::number<vd>(m), W - 1) == (expected ? 1. : 0.));
                expect(hx::all(hx::lnot(m)) == !expected);
            };
            is(hx::lt(u, v), a < b);
            is(hx::le(u, v), a <= b);
            is(hx::gt(u, v), a > b);
            is(hx::ge(u, v), a >= b);
            is(hx::eq(u, v), a == b);
            is(hx::ne(u, v), a != b);
            is(hx::truth(u), a != 0.);
            is(hx::land(hx::lt(u, v), hx::truth(u)), a < b && a != 0.);
            is(hx::lor(hx::lt(u, v), hx::truth(u)), a < b || a != 0.);
            expect(same(at(hx::select(hx::lt(u, v), u, v), 0), a < b ? a : b));
            /* GCC may swap the arguments, which shows in fmax(-0., 0.) only. */
            bool const zeros = a == 0. && b == 0.;
            expect(zeros || same(at(hx::fmax(u, v), 0), ::fmax(a, b)));
            expect(zeros || same(at(hx::fmin(u, v), 0), ::fmin(a, b)));
            expect(same(at(hx::fmod(u, v), 0), ::fmod(a, b)));
            expect(same(at(hx::atan2(u, v), 0), ::atan2(a, b)));
        }
    }
    auto const some = hx::active<vd>(opaque(1));
    expect(hx::any(some) && !hx::all(some) && !hx::any(hx::land(some, hx::lnot(some))));
    double argument[] = {-2.5, -.5, -0., 0., .5, 2.5, 1e300};
    __asm__("" : "+m"(argument));
    for (double a: argument) {
        vd const u = hx::splat<vd>(a);
        expect(same(at(hx::floor(u), 0), ::floor(a)));
        expect(same(at(hx::ceil(u), 0), ::ceil(a)));
        expect(same(at(hx::fabs(u), 0), ::fabs(a)));
        expect(same(at(hx::sqrt(u), 0), ::sqrt(a)));
        expect(same(at(hx::tanh(u), 0), ::tanh(a)));
        expect(same(at(hx::log10(u), 0), ::log10(a)));
    }
    report("masks");
}

/* hoc_Exp warns once for each active lane above 700. */
void exp_warnings() {
    double lane[W];
    for (int l = 0; l < W; ++l) {
        lane[l] = l % 2 == 0 ? 701. + l : 1.;
    }
    vd const v = hx::load<vd>(lane, W);
    for (int n = 0; n <= W; ++n) {
        warnings = 0;
        vd const e = hx::exp(v, hx::active<vd>(n), hoc_exp);
        expect(warnings == (n + 1) / 2);
        for (int l = 0; l < n; ++l) {
            expect(at(e, l) == hx::libm_exp(l % 2 == 0 ? 700. : lane[l]));
        }
    }
    expect(hx::exp(-701., true, hoc_exp) == 0. && hx::exp(NAN, true, hoc_exp) != 0.);
    report("exp_warnings");
}

/* Constant exponents: what the C compiler makes of pow(x, 2.) and pow(x, -1.) in NEURON's
 * mechanism. */
void constant_exponents() {
    for (int i = 0; i < 1000; ++i) {
        double const a = uniform(.01, 5.);
        vd const v = hx::splat<vd>(a);
        expect(at(hx::pow(v, hx::splat<vd>(2.)), 0) == hx::pow(a, 2.));
        expect(at(hx::pow(v, hx::splat<vd>(-1.)), 0) == hx::pow(a, -1.));
        expect(at(hx::pow(v, hx::splat<vd>(3.)), 0) == hx::pow(a, 3.));
        expect(at(hx::pow(v, hx::splat<vd>(2.)), 0) == a * a);
    }
    report("constant_exponents");
}

} // namespace

int main() {
    std::printf("width 0 %d\n", W);
    std::printf("libm_check %d 1\n", hx_libm_matches() ? 0 : 1);
    memory();
    repeated_rows();
    masks();
    exp_warnings();
    constant_exponents();
    math();
    return 0;
}
