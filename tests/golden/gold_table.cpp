// Kernel of gold_table.mod, sha256 a9723e7767cc3897a3dbf18018807e081431dfe384e144487862f98e9ea99d23
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_gold_table {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V gbar;
    V shift;
    V ninf;
    V ntau;
    V n;
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
    double start_0;  // TABLE of block
    double scale_0;
    double const* table_0;
    double start_1;  // TABLE of rates
    double scale_1;
    double const* table_1;
};

static Shared share(hx_args const* args) {
    Shared shared{};
    shared.t = args->t;
    shared.dt = args->dt;
    shared.celsius = args->celsius;
    shared.hoc_exp = args->hoc_exp;
    shared.use_table = *args->global[0] != 0.;
    shared.once_0 = ::pow(3.0, (6.3 - shared.celsius) / 10.0);
    shared.start_0 = args->table[1];
    shared.scale_0 = args->table[2];
    shared.table_0 = args->table + 3;
    shared.start_1 = args->table[35];
    shared.scale_1 = args->table[36];
    shared.table_1 = args->table + 39;
    return shared;
}

template <class V>
HX_COLD V _f_block(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
    V block{};
#line 49 "gold_table.mod"
    block = 1.0 / (1.0 + 0.3 * hx::exp(-0.062 * v, lanes, shared.hoc_exp));
    return block;
#line 65 "gold_table.cpp"
}

template <class V>
HX_INLINE V block(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
    V block{};
#line 47 "gold_table.mod"
#line 72 "gold_table.cpp"
    if (!shared.use_table) {
        Instance<V> copy = self;
        block = _f_block(copy, shared, lanes, v);
        self = copy;
    } else {
        V const at = shared.scale_0 * (v - shared.start_0);
        hx::mask<V> const inside = hx::land(hx::gt(at, hx::splat<V>(0.)), hx::lt(at, hx::splat<V>(30.)));
        V const safe = hx::select(inside, at, hx::splat<V>(0.));
        auto const row = hx::truncate(safe);
        V const theta = safe - hx::from_index<V>(row);
        V const low_0 = hx::table_at<V>(shared.table_0 + 0, row);
        V const high_0 = hx::table_at<V>(shared.table_0 + 0 + 1, row);
        V looked_0 = low_0 + theta * (high_0 - low_0);
        if (!hx::all(inside)) {
            hx::mask<V> const after = hx::ge(at, hx::splat<V>(30.));
            hx::mask<V> const before = hx::le(at, hx::splat<V>(0.));
            hx::mask<V> const nan = hx::ne(at, at);
            looked_0 = hx::select(before, hx::splat<V>(shared.table_0[0]), hx::select(after, hx::splat<V>(shared.table_0[30]), looked_0));
            looked_0 = hx::select(nan, at, looked_0);
        }
        block = looked_0;
    }
    return block;
}

template <class V>
HX_COLD void _f_rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 43 "gold_table.mod"
    self.ninf = 1.0 / (1.0 + hx::exp(-(v + self.shift) / 9.0, lanes, shared.hoc_exp));
#line 44 "gold_table.mod"
    self.ntau = (1.0 + 4.0 * hx::exp(-square((v + 40.0) / 30.0), lanes, shared.hoc_exp)) * shared.once_0;
#line 104 "gold_table.cpp"
}

template <class V>
HX_INLINE void rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 41 "gold_table.mod"
#line 110 "gold_table.cpp"
    if (!shared.use_table) {
        Instance<V> copy = self;
        _f_rates(copy, shared, lanes, v);
        self = copy;
    } else {
        V const at = shared.scale_1 * (v - shared.start_1);
        hx::mask<V> const inside = hx::land(hx::gt(at, hx::splat<V>(0.)), hx::lt(at, hx::splat<V>(100.)));
        V const safe = hx::select(inside, at, hx::splat<V>(0.));
        auto const row = hx::truncate(safe);
        V const theta = safe - hx::from_index<V>(row);
        V const low_0 = hx::table_at<V>(shared.table_1 + 0, row);
        V const high_0 = hx::table_at<V>(shared.table_1 + 0 + 1, row);
        V looked_0 = low_0 + theta * (high_0 - low_0);
        V const low_1 = hx::table_at<V>(shared.table_1 + 101, row);
        V const high_1 = hx::table_at<V>(shared.table_1 + 101 + 1, row);
        V looked_1 = low_1 + theta * (high_1 - low_1);
        if (!hx::all(inside)) {
            hx::mask<V> const after = hx::ge(at, hx::splat<V>(100.));
            hx::mask<V> const before = hx::le(at, hx::splat<V>(0.));
            hx::mask<V> const nan = hx::ne(at, at);
            looked_0 = hx::select(before, hx::splat<V>(shared.table_1[0]), hx::select(after, hx::splat<V>(shared.table_1[100]), looked_0));
            looked_0 = hx::select(nan, at, looked_0);
            looked_1 = hx::select(before, hx::splat<V>(shared.table_1[101]), hx::select(after, hx::splat<V>(shared.table_1[201]), looked_1));
            looked_1 = hx::select(nan, at, looked_1);
        }
        self.ninf = looked_0;
        self.ntau = looked_1;
    }
}

template <class V>
HX_INLINE void gates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 37 "gold_table.mod"
    rates(self, shared, lanes, self.v);
#line 38 "gold_table.mod"
    self.n = self.n + (1. - hx::exp(shared.dt * (-1.0 / self.ntau), lanes, shared.hoc_exp)) * (-(self.ninf / self.ntau) / (-1.0 / self.ntau) - self.n);
#line 147 "gold_table.cpp"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 28 "gold_table.mod"
    self.ik = self.gbar * self.n * block(self, shared, lanes, self.v) * (self.v - self.ek);
#line 154 "gold_table.cpp"
    V current{};
    current += self.ik;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 27 "gold_table.mod"
    gates(self, shared, lanes);
#line 164 "gold_table.cpp"
}

template <class V, bool unit>
HX_INLINE void current_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    int const* const ion_0 = args->ion_row[0] + i;
    long const first_0 = unit ? args->ion_row[0][range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.gbar = hx::load<V>(args->column[0] + i, n);
    self.n = hx::load<V>(args->column[4] + i, n);
    self.ek = unit ? hx::load<V>(args->ion_column[0] + first_0, n) : hx::gather<V>(args->ion_column[0], ion_0, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    V const shifted_0 = self.ik;
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        V const slope = (shifted_0 - self.ik) / .001;
        if (unit) {
            hx::store(args->ion_column[4] + first_0, hx::load<V>(args->ion_column[4] + first_0, n) + slope, n);
        } else {
            hx::accumulate(args->ion_column[4], ion_0, slope, n);
        }
    }
    V g = (shifted - rhs) / .001;
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        if (unit) {
            hx::store(args->ion_column[3] + first_0, hx::load<V>(args->ion_column[3] + first_0, n) + self.ik, n);
        } else {
            hx::accumulate(args->ion_column[3], ion_0, self.ik, n);
        }
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
    self.shift = hx::load<V>(args->column[1] + i, n);
    self.n = hx::load<V>(args->column[4] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v;
    state_body<V>(self, shared, lanes);
    hx::store(args->column[4] + i, self.n, n);
    if (!lean) {
        hx::store(args->column[2] + i, self.ninf, n);
        hx::store(args->column[3] + i, self.ntau, n);
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
    self.gbar = args->column[0][0];
    self.shift = args->column[1][0];
    self.ninf = args->column[2][0];
    self.ntau = args->column[3][0];
    self.n = args->column[4][0];
    {
        double* const made = args->table + 0;
        double* const rows = args->table + 3;
        if (made[0] == 0.) {
            made[0] = 1.;
            made[1] = -100.0;
            double const end = 50.0;
            double const dx = (end - made[1]) / 30.;
            made[2] = 1. / dx;
            double x = made[1];
            for (int i = 0; i < 31; x += dx, ++i) {
                rows[i] = _f_block<double>(self, shared, true, x);
            }
        }
    }
    {
        double* const made = args->table + 34;
        double* const rows = args->table + 39;
        if (made[0] == 0. || made[3] != shared.celsius || made[4] != self.shift) {
            made[0] = 1.;
            made[1] = -120.0;
            double const end = 80.0;
            double const dx = (end - made[1]) / 100.;
            made[2] = 1. / dx;
            double x = made[1];
            for (int i = 0; i < 101; x += dx, ++i) {
                _f_rates<double>(self, shared, true, x);
                rows[0 + i] = self.ninf;
                rows[101 + i] = self.ntau;
            }
            made[3] = shared.celsius;
            made[4] = self.shift;
        }
    }
}

static char const* const field[] = {"gbar", "shift", "ninf", "ntau", "n"};
static int const field_dim[] = {1, 1, 1, 1, 1};
static unsigned char const lean_field[] = {0, 0, 1, 1, 0};
static unsigned char const written_field[] = {0, 0, 1, 1, 1};
static char const* const ion[] = {"k_ion"};
static unsigned const ion_read[] = {0x1u};
static unsigned const ion_write[] = {0x18u};
static char const* const* const pointer = nullptr;
static char const* const global[] = {"usetable_gold_table"};
#if HX_WIDTH == 8
#define HX_ISA_NAME "x86-64-v4"
#elif HX_WIDTH == 4
#define HX_ISA_NAME "x86-64-v3"
#else
#define HX_ISA_NAME "x86-64-v2"
#endif
static hx_kernel const kernel = {
    HX_ABI_VERSION,
    "gold_table",
    "a9723e7767cc3897a3dbf18018807e081431dfe384e144487862f98e9ea99d23",
    HX_ISA_NAME,
    HX_TRAIT_DENSITY,
    5, field, field_dim, lean_field, written_field,
    1, ion, ion_read, ion_write,
    0, pointer,
    1, global,
    241,
    current,
    state,
    table_check,
};
#undef HX_ISA_NAME

}  // namespace

extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {
    return &hx_gold_table::kernel;
}
