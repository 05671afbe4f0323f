// Kernel of hh.mod, sha256 0930c774749df8d69a3656e3ebca4ae80bd88acf5c9a755d5fbb5d716909d19c
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_hh {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V il;
    V gnabar;
    V gkbar;
    V gl;
    V el;
    V m;
    V h;
    V n;
    V gna;
    V gk;
    V minf;
    V hinf;
    V ninf;
    V mtau;
    V htau;
    V ntau;
    V ena;
    V ina;
    V ek;
    V ik;
};

// What is the same for all instances of a call.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double (*hoc_exp)(double);
    double once_0;
    bool use_table;
    double start_0;  // TABLE of rates
    double scale_0;
    double const* table_0;
};

static Shared share(hx_args const* args) {
    Shared shared{};
    shared.t = args->t;
    shared.dt = args->dt;
    shared.celsius = args->celsius;
    shared.hoc_exp = args->hoc_exp;
    shared.use_table = *args->global[0] != 0.;
    shared.once_0 = ::pow(3.0, (shared.celsius - 6.3) / 10.0);
    shared.start_0 = args->table[1];
    shared.scale_0 = args->table[2];
    shared.table_0 = args->table + 4;
    return shared;
}

template <class V>
HX_INLINE V vtrap(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V x, double y) {
    V vtrap{};
#line 122 "hh.mod"
    hx::mask<V> const test_1 = hx::lt(hx::fabs(x / y), hx::splat<V>(1e-6));
    hx::mask<V> const then_1 = hx::land(lanes, test_1);
    if (hx::any(then_1)) {
#line 123 "hh.mod"
        vtrap = hx::select(then_1, y * (1.0 - x / y / 2.0), vtrap);
    }
    hx::mask<V> const else_1 = hx::land(lanes, hx::lnot(test_1));
    if (hx::any(else_1)) {
#line 125 "hh.mod"
        vtrap = hx::select(else_1, x / (hx::exp(x / y, else_1, shared.hoc_exp) - 1.0), vtrap);
    }
    return vtrap;
#line 82 "hh.cpp"
}

template <class V>
HX_COLD void _f_rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 95 "hh.mod"
    V alpha{};
    V beta{};
    V sum{};
    double q10{};
#line 100 "hh.mod"
    q10 = shared.once_0;
#line 102 "hh.mod"
    alpha = .1 * vtrap(self, shared, lanes, -(v + 40.0), 10.0);
#line 103 "hh.mod"
    beta = 4.0 * hx::exp(-(v + 65.0) / 18.0, lanes, shared.hoc_exp);
#line 104 "hh.mod"
    sum = alpha + beta;
#line 105 "hh.mod"
    self.mtau = 1.0 / (q10 * sum);
#line 106 "hh.mod"
    self.minf = alpha / sum;
#line 108 "hh.mod"
    alpha = .07 * hx::exp(-(v + 65.0) / 20.0, lanes, shared.hoc_exp);
#line 109 "hh.mod"
    beta = 1.0 / (hx::exp(-(v + 35.0) / 10.0, lanes, shared.hoc_exp) + 1.0);
#line 110 "hh.mod"
    sum = alpha + beta;
#line 111 "hh.mod"
    self.htau = 1.0 / (q10 * sum);
#line 112 "hh.mod"
    self.hinf = alpha / sum;
#line 114 "hh.mod"
    alpha = .01 * vtrap(self, shared, lanes, -(v + 55.0), 10.0);
#line 115 "hh.mod"
    beta = .125 * hx::exp(-(v + 65.0) / 80.0, lanes, shared.hoc_exp);
#line 116 "hh.mod"
    sum = alpha + beta;
#line 117 "hh.mod"
    self.ntau = 1.0 / (q10 * sum);
#line 118 "hh.mod"
    self.ninf = alpha / sum;
#line 124 "hh.cpp"
}

template <class V>
HX_INLINE void rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 93 "hh.mod"
#line 130 "hh.cpp"
    if (!shared.use_table) {
        Instance<V> copy = self;
        _f_rates(copy, shared, lanes, v);
        self = copy;
    } else {
        V const at = shared.scale_0 * (v - shared.start_0);
        hx::mask<V> const inside = hx::land(hx::gt(at, hx::splat<V>(0.)), hx::lt(at, hx::splat<V>(200.)));
        V const safe = hx::select(inside, at, hx::splat<V>(0.));
        auto const row = hx::truncate(safe);
        V const theta = safe - hx::from_index<V>(row);
        V const low_0 = hx::table_at<V>(shared.table_0 + 0, row);
        V const high_0 = hx::table_at<V>(shared.table_0 + 0 + 1, row);
        V looked_0 = low_0 + theta * (high_0 - low_0);
        V const low_1 = hx::table_at<V>(shared.table_0 + 201, row);
        V const high_1 = hx::table_at<V>(shared.table_0 + 201 + 1, row);
        V looked_1 = low_1 + theta * (high_1 - low_1);
        V const low_2 = hx::table_at<V>(shared.table_0 + 402, row);
        V const high_2 = hx::table_at<V>(shared.table_0 + 402 + 1, row);
        V looked_2 = low_2 + theta * (high_2 - low_2);
        V const low_3 = hx::table_at<V>(shared.table_0 + 603, row);
        V const high_3 = hx::table_at<V>(shared.table_0 + 603 + 1, row);
        V looked_3 = low_3 + theta * (high_3 - low_3);
        V const low_4 = hx::table_at<V>(shared.table_0 + 804, row);
        V const high_4 = hx::table_at<V>(shared.table_0 + 804 + 1, row);
        V looked_4 = low_4 + theta * (high_4 - low_4);
        V const low_5 = hx::table_at<V>(shared.table_0 + 1005, row);
        V const high_5 = hx::table_at<V>(shared.table_0 + 1005 + 1, row);
        V looked_5 = low_5 + theta * (high_5 - low_5);
        if (!hx::all(inside)) {
            hx::mask<V> const after = hx::ge(at, hx::splat<V>(200.));
            hx::mask<V> const before = hx::le(at, hx::splat<V>(0.));
            hx::mask<V> const nan = hx::ne(at, at);
            looked_0 = hx::select(before, hx::splat<V>(shared.table_0[0]), hx::select(after, hx::splat<V>(shared.table_0[200]), looked_0));
            looked_0 = hx::select(nan, at, looked_0);
            looked_1 = hx::select(before, hx::splat<V>(shared.table_0[201]), hx::select(after, hx::splat<V>(shared.table_0[401]), looked_1));
            looked_1 = hx::select(nan, at, looked_1);
            looked_2 = hx::select(before, hx::splat<V>(shared.table_0[402]), hx::select(after, hx::splat<V>(shared.table_0[602]), looked_2));
            looked_2 = hx::select(nan, at, looked_2);
            looked_3 = hx::select(before, hx::splat<V>(shared.table_0[603]), hx::select(after, hx::splat<V>(shared.table_0[803]), looked_3));
            looked_3 = hx::select(nan, at, looked_3);
            looked_4 = hx::select(before, hx::splat<V>(shared.table_0[804]), hx::select(after, hx::splat<V>(shared.table_0[1004]), looked_4));
            looked_4 = hx::select(nan, at, looked_4);
            looked_5 = hx::select(before, hx::splat<V>(shared.table_0[1005]), hx::select(after, hx::splat<V>(shared.table_0[1205]), looked_5));
            looked_5 = hx::select(nan, at, looked_5);
        }
        self.minf = looked_0;
        self.mtau = looked_1;
        self.hinf = looked_2;
        self.htau = looked_3;
        self.ninf = looked_4;
        self.ntau = looked_5;
    }
}

template <class V>
HX_INLINE void states(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 83 "hh.mod"
    rates(self, shared, lanes, self.v);
#line 84 "hh.mod"
    self.m = self.m + (1. - hx::exp(shared.dt * (-1.0 / self.mtau), lanes, shared.hoc_exp)) * (-(self.minf / self.mtau) / (-1.0 / self.mtau) - self.m);
#line 85 "hh.mod"
    self.h = self.h + (1. - hx::exp(shared.dt * (-1.0 / self.htau), lanes, shared.hoc_exp)) * (-(self.hinf / self.htau) / (-1.0 / self.htau) - self.h);
#line 86 "hh.mod"
    self.n = self.n + (1. - hx::exp(shared.dt * (-1.0 / self.ntau), lanes, shared.hoc_exp)) * (-(self.ninf / self.ntau) / (-1.0 / self.ntau) - self.n);
#line 195 "hh.cpp"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 66 "hh.mod"
    self.gna = self.gnabar * self.m * self.m * self.m * self.h;
#line 67 "hh.mod"
    self.ina = self.gna * (self.v - self.ena);
#line 68 "hh.mod"
    self.gk = self.gkbar * self.n * self.n * self.n * self.n;
#line 69 "hh.mod"
    self.ik = self.gk * (self.v - self.ek);
#line 70 "hh.mod"
    self.il = self.gl * (self.v - self.el);
#line 210 "hh.cpp"
    V current{};
    current += self.ina;
    current += self.ik;
    current += self.il;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 65 "hh.mod"
    states(self, shared, lanes);
#line 222 "hh.cpp"
}

template <class V, bool unit>
HX_INLINE void current_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    int const* const ion_0 = args->ion_row[0] + i;
    long const first_0 = unit ? args->ion_row[0][range->begin] + (i - range->begin) : 0;
    int const* const ion_1 = args->ion_row[1] + i;
    long const first_1 = unit ? args->ion_row[1][range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.gnabar = hx::load<V>(args->column[1] + i, n);
    self.gkbar = hx::load<V>(args->column[2] + i, n);
    self.gl = hx::load<V>(args->column[3] + i, n);
    self.el = hx::load<V>(args->column[4] + i, n);
    self.m = hx::load<V>(args->column[5] + i, n);
    self.h = hx::load<V>(args->column[6] + i, n);
    self.n = hx::load<V>(args->column[7] + i, n);
    self.ena = unit ? hx::load<V>(args->ion_column[0] + first_0, n) : hx::gather<V>(args->ion_column[0], ion_0, n);
    self.ek = unit ? hx::load<V>(args->ion_column[5] + first_1, n) : hx::gather<V>(args->ion_column[5], ion_1, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    V const shifted_0 = self.ina;
    V const shifted_1 = self.ik;
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        V const slope = (shifted_0 - self.ina) / .001;
        if (unit) {
            hx::store(args->ion_column[4] + first_0, hx::load<V>(args->ion_column[4] + first_0, n) + slope, n);
        } else {
            hx::accumulate(args->ion_column[4], ion_0, slope, n);
        }
    }
    if (!(lean && (args->lean_ion >> 1 & 1u))) {
        V const slope = (shifted_1 - self.ik) / .001;
        if (unit) {
            hx::store(args->ion_column[9] + first_1, hx::load<V>(args->ion_column[9] + first_1, n) + slope, n);
        } else {
            hx::accumulate(args->ion_column[9], ion_1, slope, n);
        }
    }
    V g = (shifted - rhs) / .001;
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        if (unit) {
            hx::store(args->ion_column[3] + first_0, hx::load<V>(args->ion_column[3] + first_0, n) + self.ina, n);
        } else {
            hx::accumulate(args->ion_column[3], ion_0, self.ina, n);
        }
    }
    if (!(lean && (args->lean_ion >> 1 & 1u))) {
        if (unit) {
            hx::store(args->ion_column[8] + first_1, hx::load<V>(args->ion_column[8] + first_1, n) + self.ik, n);
        } else {
            hx::accumulate(args->ion_column[8], ion_1, self.ik, n);
        }
    }
    if (!lean) {
        hx::store(args->column[0] + i, self.il, n);
        hx::store(args->column[8] + i, self.gna, n);
        hx::store(args->column[9] + i, self.gk, n);
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
    self.m = hx::load<V>(args->column[5] + i, n);
    self.h = hx::load<V>(args->column[6] + i, n);
    self.n = hx::load<V>(args->column[7] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v;
    state_body<V>(self, shared, lanes);
    hx::store(args->column[5] + i, self.m, n);
    hx::store(args->column[6] + i, self.h, n);
    hx::store(args->column[7] + i, self.n, n);
    if (!lean) {
        hx::store(args->column[10] + i, self.minf, n);
        hx::store(args->column[11] + i, self.hinf, n);
        hx::store(args->column[12] + i, self.ninf, n);
        hx::store(args->column[13] + i, self.mtau, n);
        hx::store(args->column[14] + i, self.htau, n);
        hx::store(args->column[15] + i, self.ntau, n);
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

static void table_check(hx_args const* args) {
    Shared const shared = share(args);
    if (!shared.use_table) return;
    Instance<double> self{};
    self.il = args->column[0][0];
    self.gnabar = args->column[1][0];
    self.gkbar = args->column[2][0];
    self.gl = args->column[3][0];
    self.el = args->column[4][0];
    self.m = args->column[5][0];
    self.h = args->column[6][0];
    self.n = args->column[7][0];
    self.gna = args->column[8][0];
    self.gk = args->column[9][0];
    self.minf = args->column[10][0];
    self.hinf = args->column[11][0];
    self.ninf = args->column[12][0];
    self.mtau = args->column[13][0];
    self.htau = args->column[14][0];
    self.ntau = args->column[15][0];
    {
        double* const made = args->table + 0;
        double* const rows = args->table + 4;
        if (made[0] == 0. || made[3] != shared.celsius) {
            made[0] = 1.;
            made[1] = -100.0;
            double const end = 100.0;
            double const dx = (end - made[1]) / 200.;
            made[2] = 1. / dx;
            double x = made[1];
            for (int i = 0; i < 201; x += dx, ++i) {
                _f_rates<double>(self, shared, true, x);
                rows[0 + i] = self.minf;
                rows[201 + i] = self.mtau;
                rows[402 + i] = self.hinf;
                rows[603 + i] = self.htau;
                rows[804 + i] = self.ninf;
                rows[1005 + i] = self.ntau;
            }
            made[3] = shared.celsius;
        }
    }
}

static char const* const field[] = {"il", "gnabar", "gkbar", "gl", "el", "m", "h", "n", "gna", "gk", "minf", "hinf", "ninf", "mtau", "htau", "ntau"};
static int const field_dim[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static unsigned char const lean_field[] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
static unsigned char const written_field[] = {1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static char const* const ion[] = {"na_ion", "k_ion"};
static unsigned const ion_read[] = {0x1u, 0x1u};
static unsigned const ion_write[] = {0x18u, 0x18u};
static char const* const* const pointer = nullptr;
static char const* const global[] = {"usetable_hh"};
#if HX_WIDTH == 8
#define HX_ISA_NAME "x86-64-v4"
#elif HX_WIDTH == 4
#define HX_ISA_NAME "x86-64-v3"
#else
#define HX_ISA_NAME "x86-64-v2"
#endif
static hx_kernel const kernel = {
    HX_ABI_VERSION,
    "hh",
    "0930c774749df8d69a3656e3ebca4ae80bd88acf5c9a755d5fbb5d716909d19c",
    HX_ISA_NAME,
    HX_TRAIT_DENSITY,
    16, field, field_dim, lean_field, written_field,
    2, ion, ion_read, ion_write,
    0, pointer,
    1, global,
    1210,
    current,
    state,
    table_check,
};
#undef HX_ISA_NAME

}  // namespace

extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {
    return &hx_hh::kernel;
}
