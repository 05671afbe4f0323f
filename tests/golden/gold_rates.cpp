// Kernel of gold_rates.mod, sha256 b968141988d6e4a5b1416c9b5637918ad906eec49c53bbf5fa3f6974ea56c642
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_gold_rates {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V gbar;
    V e;
    V minf;
    V mtau;
    V hinf;
    V m;
    V h;
    V scale;
};

// What is the same for all instances of a call.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double (*hoc_exp)(double);
    double q;
    double once_0;
    double once_1;
};

static Shared share(hx_args const* args) {
    Shared shared{};
    shared.t = args->t;
    shared.dt = args->dt;
    shared.celsius = args->celsius;
    shared.hoc_exp = args->hoc_exp;
    shared.q = *args->global[0];
    shared.once_0 = ::pow(shared.q, (shared.celsius - 23.0) / 10.0);
    shared.once_1 = shared.hoc_exp(-2.0);
    return shared;
}

template <class V>
HX_INLINE V trap(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V x, double y) {
    V trap{};
#line 72 "gold_rates.mod"
    hx::mask<V> const test_1 = hx::lt(hx::fabs(x / y), hx::splat<V>(1e-6));
    hx::mask<V> const then_1 = hx::land(lanes, test_1);
    if (hx::any(then_1)) {
#line 73 "gold_rates.mod"
        trap = hx::select(then_1, y * (1.0 - x / y / 2.0), trap);
    }
    hx::mask<V> const else_1 = hx::land(lanes, hx::lnot(test_1));
    if (hx::any(else_1)) {
#line 75 "gold_rates.mod"
        trap = hx::select(else_1, x / (1.0 - hx::exp(-x / y, else_1, shared.hoc_exp)), trap);
    }
    return trap;
#line 67 "gold_rates.cpp"
}

template <class V>
HX_INLINE void rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 50 "gold_rates.mod"
    V a{};
    V b{};
    double q10{};
#line 52 "gold_rates.mod"
    q10 = shared.once_0;
#line 53 "gold_rates.mod"
    hx::mask<V> const test_1 = hx::eq(v, hx::splat<V>(-38.0));
    hx::mask<V> const then_1 = hx::land(lanes, test_1);
    if (hx::any(then_1)) {
#line 54 "gold_rates.mod"
        v = hx::select(then_1, v + 0.0001, v);
    }
#line 56 "gold_rates.mod"
    a = 0.182 * trap(self, shared, lanes, v + 38.0, 6.0);
#line 57 "gold_rates.mod"
    b = 0.124 * trap(self, shared, lanes, -v - 38.0, 6.0);
#line 58 "gold_rates.mod"
    self.mtau = 1.0 / (a + b) / q10;
#line 59 "gold_rates.mod"
    self.minf = a / (a + b);
#line 60 "gold_rates.mod"
    hx::mask<V> const test_2 = hx::land(hx::lt(v, hx::splat<V>(-60.0)), hx::gt(v, hx::splat<V>(-100.0)));
    hx::mask<V> const then_2 = hx::land(lanes, test_2);
    if (hx::any(then_2)) {
#line 61 "gold_rates.mod"
        self.hinf = hx::select(then_2, 1.0 / (1.0 + hx::exp((v + 66.0) / 6.0, then_2, shared.hoc_exp)), self.hinf);
    }
    hx::mask<V> const else_2 = hx::land(lanes, hx::lnot(test_2));
    if (hx::any(else_2)) {
#line 62 "gold_rates.mod"
        hx::mask<V> const test_3 = hx::ge(v, hx::splat<V>(20.0));
        hx::mask<V> const then_3 = hx::land(else_2, test_3);
        if (hx::any(then_3)) {
#line 63 "gold_rates.mod"
            self.hinf = hx::select(then_3, hx::splat<V>(0.0), self.hinf);
        }
        hx::mask<V> const else_3 = hx::land(else_2, hx::lnot(test_3));
        if (hx::any(else_3)) {
#line 65 "gold_rates.mod"
            self.hinf = hx::select(else_3, square((v + 90.0) / 200.0) + ::pow(2.3, (34.0 - 21.0) / 10.0) * 1e-3, self.hinf);
        }
    }
#line 67 "gold_rates.mod"
    self.scale = 0.1 * hx::pow(hx::fabs(hx::sin(v)), hx::splat<V>(1.5)) + shared.once_1;
#line 117 "gold_rates.cpp"
}

template <class V>
HX_INLINE void gates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 44 "gold_rates.mod"
    rates(self, shared, lanes, self.v);
#line 45 "gold_rates.mod"
    self.m = self.m + (1. - hx::exp(shared.dt * (-1.0 / self.mtau), lanes, shared.hoc_exp)) * (-(self.minf / self.mtau) / (-1.0 / self.mtau) - self.m);
#line 46 "gold_rates.mod"
    self.h = self.h + (1. - hx::exp(shared.dt * (self.scale * -1.0), lanes, shared.hoc_exp)) * (-(self.scale * self.hinf) / (self.scale * -1.0) - self.h);
#line 128 "gold_rates.cpp"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 31 "gold_rates.mod"
    V g{};
#line 33 "gold_rates.mod"
    g = self.gbar * hx::pow(self.m, hx::splat<V>(3.0)) * self.h;
#line 34 "gold_rates.mod"
    self.i = g * (self.v - self.e);
#line 139 "gold_rates.cpp"
    V current{};
    current += self.i;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 32 "gold_rates.mod"
    gates(self, shared, lanes);
#line 149 "gold_rates.cpp"
}

template <class V, bool unit>
HX_INLINE void current_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.gbar = hx::load<V>(args->column[1] + i, n);
    self.e = hx::load<V>(args->column[2] + i, n);
    self.m = hx::load<V>(args->column[6] + i, n);
    self.h = hx::load<V>(args->column[7] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    V g = (shifted - rhs) / .001;
    if (!lean) {
        hx::store(args->column[0] + i, self.i, n);
    }
    if (unit) {
        hx::store(args->rhs + first, hx::load<V>(args->rhs + first, n) - rhs, n);
    } else {
        hx::deduct(args->rhs, node, rhs, n);
    }
    if (unit) {
        hx::store(args->d + first, hx::load<V>(args->d + first, n) + g, n);
    } else {
        hx::accumulate(args->d, node, g, n);
    }
}

static void current(hx_args const* args, hx_range const* range) {
    Shared const shared = share(args);
    constexpr int width = hx::width<hx::vd>;
    int i = range->begin;
    if (range->consecutive) {
        for (; i + width <= range->end; i += width) {
            current_chunk<hx::vd, true>(args, shared, range, i, width);
        }
    } else {
        for (; i + width <= range->end; i += width) {
            current_chunk<hx::vd, false>(args, shared, range, i, width);
        }
    }
    if (i < range->end) {
        current_chunk<hx::vd, false>(args, shared, range, i, range->end - i);
    }
}

template <class V, bool unit>
HX_INLINE void state_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.m = hx::load<V>(args->column[6] + i, n);
    self.h = hx::load<V>(args->column[7] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v;
    state_body<V>(self, shared, lanes);
    hx::store(args->column[6] + i, self.m, n);
    hx::store(args->column[7] + i, self.h, n);
    if (!lean) {
        hx::store(args->column[3] + i, self.minf, n);
        hx::store(args->column[4] + i, self.mtau, n);
        hx::store(args->column[5] + i, self.hinf, n);
    }
}

static void state(hx_args const* args, hx_range const* range) {
    Shared const shared = share(args);
    constexpr int width = hx::width<hx::vd>;
    int i = range->begin;
    if (range->consecutive) {
        for (; i + width <= range->end; i += width) {
            state_chunk<hx::vd, true>(args, shared, range, i, width);
        }
    } else {
        for (; i + width <= range->end; i += width) {
            state_chunk<hx::vd, false>(args, shared, range, i, width);
        }
    }
    if (i < range->end) {
        state_chunk<hx::vd, false>(args, shared, range, i, range->end - i);
    }
}

static char const* const field[] = {"i", "gbar", "e", "minf", "mtau", "hinf", "m", "h"};
static int const field_dim[] = {1, 1, 1, 1, 1, 1, 1, 1};
static unsigned char const lean_field[] = {1, 0, 0, 1, 1, 1, 0, 0};
static unsigned char const written_field[] = {1, 0, 0, 1, 1, 1, 1, 1};
static char const* const* const ion = nullptr;
static unsigned const* const ion_read = nullptr;
static unsigned const* const ion_write = nullptr;
static char const* const* const pointer = nullptr;
static char const* const global[] = {"q_gold_rates"};
#if HX_WIDTH == 8
#define HX_ISA_NAME "x86-64-v4"
#elif HX_WIDTH == 4
#define HX_ISA_NAME "x86-64-v3"
#else
#define HX_ISA_NAME "x86-64-v2"
#endif
static hx_kernel const kernel = {
    HX_ABI_VERSION,
    "gold_rates",
    "b968141988d6e4a5b1416c9b5637918ad906eec49c53bbf5fa3f6974ea56c642",
    HX_ISA_NAME,
    HX_TRAIT_DENSITY,
    8, field, field_dim, lean_field, written_field,
    0, ion, ion_read, ion_write,
    0, pointer,
    1, global,
    0,
    current,
    state,
    nullptr,
};
#undef HX_ISA_NAME

}  // namespace

extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {
    return &hx_gold_rates::kernel;
}
