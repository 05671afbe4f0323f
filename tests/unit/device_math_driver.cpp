// math.cuh as plain C++ beside this machine's libm. Compiled by test_device_math.py.
//
//     device_math_driver compare N       N samples a range: lines "function range failures tests"
//     device_math_driver evaluate NAME   reads doubles (pairs for pow), writes the results
//     device_math_driver special         edges: lines as above

#include "math.cuh"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

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
double either_sign(double x) { return (random_bits() & 1) != 0 ? x : -x; }
double any_double() { return hx::as_double(random_bits()); }
double subnormal() { return hx::as_double(random_bits() >> 12 >> random_bits() % 52); }
double any_scale(double low, double high) { return either_sign(::exp(uniform(low, high))); }
// within 2,048 representable numbers of x
double near(double x) { return hx::as_double(hx::as_bits(x) + random_bits() % 4096 - 2048); }

bool same(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

double hoc_exp(double) { return ::exp(700.); }
double device_exp(double x, double) { return hx::exp(x, true, hoc_exp); }
double neuron_exp(double x, double) {
    if (x < -700.) {
        return 0.;
    }
    return ::exp(x > 700. ? 700. : x);
}

typedef double (*Function)(double, double);
struct Named {
    char const* name;
    Function device, libm;
};
#define HX_ONE(f)                                                                                  \
    {#f, [](double x, double) { return hx::f(x); }, [](double x, double) { return ::f(x); }}
#define HX_TWO(f)                                                                                  \
    {#f, [](double x, double y) { return hx::f(x, y); },                                           \
     [](double x, double y) { return ::f(x, y); }}
Named const functions[] = {
    {"hoc_Exp", device_exp, neuron_exp},
    {"exp", [](double x, double) { return hx::libm_exp(x); },
     [](double x, double) { return ::exp(x); }},
    HX_ONE(log),
    HX_ONE(log10),
    HX_TWO(pow),
    HX_ONE(tanh),
    HX_ONE(sinh),
    HX_ONE(cosh),
    HX_ONE(sin),
    HX_ONE(cos),
    HX_ONE(sqrt),
    HX_ONE(fabs),
    HX_ONE(floor),
    HX_ONE(ceil),
    HX_TWO(fmod),
    HX_TWO(fmax),
    HX_TWO(fmin),
};
Named const& find(char const* name) {
    for (Named const& f: functions) {
        if (strcmp(f.name, name) == 0) {
            return f;
        }
    }
    std::fprintf(stderr, "no function %s\n", name);
    std::exit(2);
}

bool differs(Named const& f, double x, double y, bool tell) {
    // libm's arguments are volatile, or the compiler computes the call itself.
    double const volatile u = x;
    double const volatile w = y;
    double const expected = f.libm(u, w);
    double const found = f.device(x, y);
    if (same(expected, found)) {
        return false;
    }
    if (tell) {
        std::printf("# %s(%a, %a): libm %a, here %a\n", f.name, x, y, expected, found);
    }
    return true;
}

template <class Fill>
void compare(char const* name, char const* range, long n, Fill fill) {
    Named const& f = find(name);
    long failures = 0;
    for (long i = 0; i < n; ++i) {
        double x = 0.;
        double y = 0.;
        fill(x, y);
        if (differs(f, x, y, failures == 0)) {
            ++failures;
        }
    }
    std::printf("%s %s %ld %ld\n", name, range, failures, n);
}

#define HX_FILL(expression) [](double& x, double& y) { (void)y, expression; }

void compare_exp(long n) {
    compare("hoc_Exp", "neuron", n, HX_FILL(x = uniform(-30., 30.)));
    compare("hoc_Exp", "all", n, HX_FILL(x = uniform(-720., 720.)));
    compare("hoc_Exp", "small", n, HX_FILL(x = any_scale(-700., 0.)));
    compare("exp", "wide", n, HX_FILL(x = uniform(-760., 720.)));
    compare("exp", "subnormal", n, HX_FILL(x = uniform(-750., -700.)));
    compare("exp", "any", n, HX_FILL(x = any_double()));
}
void compare_log(long n) {
    compare("log", "one", n, HX_FILL(x = uniform(.9, 1.1)));
    compare("log", "scales", n, HX_FILL(x = ::fabs(any_scale(-700., 700.))));
    compare("log", "subnormal", n, HX_FILL(x = subnormal()));
    compare("log", "any", n, HX_FILL(x = any_double()));
    compare("log10", "scales", n, HX_FILL(x = ::fabs(any_scale(-700., 700.))));
    compare("log10", "one", n, HX_FILL(x = uniform(.5, 2.)));
    compare("log10", "subnormal", n, HX_FILL(x = subnormal()));
    compare("log10", "any", n, HX_FILL(x = any_double()));
}
void compare_pow(long n) {
    compare("pow", "neuron", n, HX_FILL((x = uniform(0., 10.), y = uniform(-10., 10.))));
    compare("pow", "q10", n, HX_FILL((x = uniform(1., 5.), y = uniform(-3., 3.))));
    compare("pow", "far", n, HX_FILL((x = ::fabs(any_scale(-10., 10.)), y = uniform(-80., 80.))));
    compare("pow", "integer", n,
            HX_FILL((x = uniform(-20., 20.), y = ::rint(uniform(-300., 300.)))));
    compare("pow", "subnormal", n,
            HX_FILL((x = either_sign(subnormal()), y = ::rint(uniform(-3., 3.)))));
    compare("pow", "tiny", n, HX_FILL((x = subnormal(), y = uniform(-1.2, 1.2))));
    compare("pow", "any", n, HX_FILL((x = any_double(), y = any_double())));
}
void compare_hyperbolic(long n, char const* name) {
    static double const edges[] = {1.,      22.,     0.34657359,       1.0397207,         .125,
                                   .25,     .375,    709.782712893384, 710.4758600739439, 0x1p-28,
                                   0x1p-54, 0x1p-55, 0x1p-1022};
    compare(name, "middle", n, HX_FILL(x = uniform(-2., 2.)));
    compare(name, "neuron", n, HX_FILL(x = uniform(-30., 30.)));
    compare(name, "large", n, HX_FILL(x = uniform(-712., 712.)));
    compare(name, "scales", n, HX_FILL(x = any_scale(-50., 7.)));
    compare(name, "edges", n, HX_FILL(x = either_sign(near(edges[random_bits() % 13]))));
}
void compare_circular(long n, char const* name) {
    static double const edges[] = {.126,     0.85546875, 2.426265,          0x1p-26, 0x1p-27,
                                   M_PI / 2, M_PI,       105414350. - 1e-3, .5};
    compare(name, "small", n, HX_FILL(x = uniform(-.13, .13)));
    compare(name, "middle", n, HX_FILL(x = uniform(-2.5, 2.5)));
    compare(name, "neuron", n, HX_FILL(x = uniform(-1000., 1000.)));
    compare(name, "large", n, HX_FILL(x = uniform(-105414349., 105414349.)));
    compare(name, "edges", n, HX_FILL(x = either_sign(near(edges[random_bits() % 9]))));
    compare(name, "multiples", n, HX_FILL(x = near(M_PI_2 * ::rint(uniform(1., 6e7)))));
}
void compare_exact(long n) {
    for (char const* name: {"sqrt", "fabs", "floor", "ceil"}) {
        compare(name, "any", n, HX_FILL(x = any_double()));
        compare(name, "neuron", n, HX_FILL(x = uniform(-100., 100.)));
    }
    for (char const* name: {"fmod", "fmax", "fmin"}) {
        compare(name, "neuron", n, HX_FILL((x = uniform(-100., 100.), y = uniform(-10., 10.))));
        compare(name, "scales", n, HX_FILL((x = any_scale(-9., 9.), y = any_scale(-9., 9.))));
    }
}

void compare_special() {
    double const edges[] = {0.,
                            -0.,
                            1.,
                            -1.,
                            .5,
                            -.5,
                            2.,
                            -2.,
                            3.,
                            -3.,
                            700.,
                            -700.,
                            700.1,
                            -700.1,
                            1e-320,
                            -1e-320,
                            1e308,
                            -1e308,
                            0x1p-70,
                            -0x1p-70,
                            0x1p53,
                            -0x1p53,
                            0x1p63,
                            -0x1p64,
                            1e300,
                            0x1.fffffffffffffp-1,
                            0x1.0000000000001p0,
                            0x1p53 - 1.,
                            -0x1p53 + 1.,
                            1e-5,
                            22.,
                            -745.2,
                            HUGE_VAL,
                            -HUGE_VAL,
                            NAN,
                            0x1p-1022,
                            -0x1p-1074};
    for (Named const& f: functions) {
        long failures = 0;
        long tests = 0;
        bool const circular = strcmp(f.name, "sin") == 0 || strcmp(f.name, "cos") == 0;
        for (double const x: edges) {
            if (circular && ::fabs(x) >= hx::sincos_limit && x - x == 0.) {
                continue; // left to the C library
            }
            for (double const y: edges) {
                failures += differs(f, x, y, failures < 4) ? 1 : 0;
                ++tests;
            }
        }
        std::printf("%s special %ld %ld\n", f.name, failures, tests);
    }
}

void evaluate(char const* name) {
    Named const& f = find(name);
    bool const two = f.device == find("pow").device;
    double in[2] = {0., 0.};
    while (std::fread(in, sizeof(double), two ? 2 : 1, stdin) == (two ? 2u : 1u)) {
        double const out = f.device(in[0], in[1]);
        std::fwrite(&out, sizeof out, 1, stdout);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "evaluate") == 0) {
        evaluate(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "compare") == 0) {
        long const n = std::atol(argv[2]);
        compare_exp(n);
        compare_log(n);
        compare_pow(n);
        for (char const* name: {"tanh", "sinh", "cosh"}) {
            compare_hyperbolic(n, name);
        }
        for (char const* name: {"sin", "cos"}) {
            compare_circular(n, name);
        }
        compare_exact(n);
    } else {
        compare_special();
    }
    return 0;
}
