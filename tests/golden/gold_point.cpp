// Kernel of gold_point.mod, sha256 03fa0f5c00c04f8a9382dde57659a4f042b12c588a95eb5492b28a873a8e624d
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_gold_point {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V w;
    V g;
    V used;
    V phase;
    V seen;
    V hidden;
    V s;
    V eca;
    V ica;
    V vpre;
};

// What is the same for all instances of a call.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double (*hoc_exp)(double);
    double start;
    double once_0;
};

static Shared share(hx_args const* args) {
    Shared shared{};
    shared.t = args->t;
    shared.dt = args->dt;
    shared.celsius = args->celsius;
    shared.hoc_exp = args->hoc_exp;
    shared.start = *args->global[0];
    shared.once_0 = 1. - shared.hoc_exp(shared.dt * -(1.0 / 4.0));
    return shared;
}

template <class V>
HX_INLINE void decay(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 54 "gold_point.mod"
    self.s = self.s + shared.once_0 * (-(1.0 / (1.0 + hx::exp(-(self.vpre + 20.0) / 5.0, lanes, shared.hoc_exp))) / -(1.0 / 4.0) - self.s);
#line 55 "gold_point.cpp"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 40 "gold_point.mod"
    self.phase = self.vpre;
#line 41 "gold_point.mod"
    hx::mask<V> while_1 = lanes;
    for (;;) {
        while_1 = hx::land(while_1, hx::gt(self.phase, hx::splat<V>(10.0)));
        if (!hx::any(while_1)) break;
#line 42 "gold_point.mod"
        self.phase = hx::select(while_1, self.phase - 10.0, self.phase);
    }
#line 44 "gold_point.mod"
    if (shared.start - 1e-11 <= shared.t && shared.start - 1e-11 > shared.t - shared.dt) {
#line 45 "gold_point.mod"
        self.used = self.used + 1.0;
    }
#line 47 "gold_point.mod"
    self.g = self.w * self.s * self.s * self.s;
#line 48 "gold_point.mod"
    self.i = self.g * self.v;
#line 49 "gold_point.mod"
    self.ica = 0.1 * self.g * (self.v - self.eca);
#line 50 "gold_point.mod"
    self.seen = self.hidden;
#line 83 "gold_point.cpp"
    V current{};
    current += self.ica;
    current += self.i;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 39 "gold_point.mod"
    decay(self, shared, lanes);
#line 94 "gold_point.cpp"
}

template <class V, bool unit>
HX_INLINE void current_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    int const* const ion_0 = args->ion_row[0] + i;
    long const first_0 = unit ? args->ion_row[0][range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.w = hx::load<V>(args->column[1] + i, n);
    self.used = hx::load<V>(args->column[3] + i, n);
    self.hidden = hx::load<V>(args->column[6] + i, n);
    self.s = hx::load<V>(args->column[7] + i, n);
    self.vpre = hx::gather_pointer<V>(args->pointer[0] + i, n);
    self.eca = unit ? hx::load<V>(args->ion_column[0] + first_0, n) : hx::gather<V>(args->ion_column[0], ion_0, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    V const area = unit ? hx::load<V>(args->area + first, n) : hx::gather<V>(args->area, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    V const shifted_0 = self.ica;
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        V const slope = (shifted_0 - self.ica) / .001 * 1.e2 / area;
        if (unit) {
            hx::store(args->ion_column[4] + first_0, hx::load<V>(args->ion_column[4] + first_0, n) + slope, n);
        } else {
            hx::accumulate(args->ion_column[4], ion_0, slope, n);
        }
    }
    V g = (shifted - rhs) / .001;
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        if (unit) {
            hx::store(args->ion_column[3] + first_0, hx::load<V>(args->ion_column[3] + first_0, n) + self.ica * 1.e2 / area, n);
        } else {
            hx::accumulate(args->ion_column[3], ion_0, self.ica * 1.e2 / area, n);
        }
    }
    hx::store(args->column[3] + i, self.used, n);
    hx::store(args->column[5] + i, self.seen, n);
    if (!lean) {
        hx::store(args->column[0] + i, self.i, n);
        hx::store(args->column[2] + i, self.g, n);
        hx::store(args->column[4] + i, self.phase, n);
    }
    V const scale = 1.e2 / area;
    g = g * scale;
    rhs = rhs * scale;
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
    self.s = hx::load<V>(args->column[7] + i, n);
    self.vpre = hx::gather_pointer<V>(args->pointer[0] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v;
    state_body<V>(self, shared, lanes);
    hx::store(args->column[7] + i, self.s, n);
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

static char const* const field[] = {"i", "w", "g", "used", "phase", "seen", "hidden", "s"};
static int const field_dim[] = {1, 1, 1, 1, 1, 1, 1, 1};
static unsigned char const lean_field[] = {1, 0, 1, 0, 1, 0, 0, 0};
static unsigned char const written_field[] = {1, 0, 1, 1, 1, 1, 0, 1};
static char const* const ion[] = {"ca_ion"};
static unsigned const ion_read[] = {0x1u};
static unsigned const ion_write[] = {0x18u};
static char const* const pointer[] = {"vpre"};
static char const* const global[] = {"start_gold_point"};
#if HX_WIDTH == 8
#define HX_ISA_NAME "x86-64-v4"
#elif HX_WIDTH == 4
#define HX_ISA_NAME "x86-64-v3"
#else
#define HX_ISA_NAME "x86-64-v2"
#endif
static hx_kernel const kernel = {
    HX_ABI_VERSION,
    "gold_point",
    "03fa0f5c00c04f8a9382dde57659a4f042b12c588a95eb5492b28a873a8e624d",
    HX_ISA_NAME,
    HX_TRAIT_READS_POINTER,
    8, field, field_dim, lean_field, written_field,
    1, ion, ion_read, ion_write,
    1, pointer,
    1, global,
    0,
    current,
    state,
    nullptr,
};
#undef HX_ISA_NAME

}  // namespace

extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {
    return &hx_gold_point::kernel;
}
