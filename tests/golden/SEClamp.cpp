// Kernel of SEClamp.mod, sha256 c0970f7efd11e504b9ad4df511774092fbe343e7644b69574741d4cf1e1d78af
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_SEClamp {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V rs;
    V dur1;
    V amp1;
    V dur2;
    V amp2;
    V dur3;
    V amp3;
    V vc;
    V tc2;
    V tc3;
    V on;
};

// What is the same for all instances of a call.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double (*hoc_exp)(double);
};

static Shared share(hx_args const* args) {
    Shared shared{};
    shared.t = args->t;
    shared.dt = args->dt;
    shared.celsius = args->celsius;
    shared.hoc_exp = args->hoc_exp;
    return shared;
}

template <class V>
HX_INLINE void icur(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 69 "SEClamp.mod"
    hx::mask<V> const test_1 = hx::truth(self.on);
    hx::mask<V> const then_1 = hx::land(lanes, test_1);
    if (hx::any(then_1)) {
#line 70 "SEClamp.mod"
        self.i = hx::select(then_1, (self.vc - self.v) / self.rs, self.i);
    }
    hx::mask<V> const else_1 = hx::land(lanes, hx::lnot(test_1));
    if (hx::any(else_1)) {
#line 72 "SEClamp.mod"
        self.i = hx::select(else_1, hx::splat<V>(0.0), self.i);
    }
#line 62 "SEClamp.cpp"
}

template <class V>
HX_INLINE void vstim(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 91 "SEClamp.mod"
    self.on = hx::splat<V>(1.0);
#line 92 "SEClamp.mod"
    hx::mask<V> const test_1 = hx::truth(self.dur1);
    hx::mask<V> const then_1 = hx::land(lanes, test_1);
    if (hx::any(then_1)) {
#line 92 "SEClamp.mod"
    }
#line 93 "SEClamp.mod"
    hx::mask<V> const test_2 = hx::truth(self.dur2);
    hx::mask<V> const then_2 = hx::land(lanes, test_2);
    if (hx::any(then_2)) {
#line 93 "SEClamp.mod"
    }
#line 94 "SEClamp.mod"
    hx::mask<V> const test_3 = hx::truth(self.dur3);
    hx::mask<V> const then_3 = hx::land(lanes, test_3);
    if (hx::any(then_3)) {
#line 94 "SEClamp.mod"
    }
#line 95 "SEClamp.mod"
    hx::mask<V> const test_4 = hx::lt(hx::splat<V>(shared.t), self.dur1);
    hx::mask<V> const then_4 = hx::land(lanes, test_4);
    if (hx::any(then_4)) {
#line 96 "SEClamp.mod"
        self.vc = hx::select(then_4, self.amp1, self.vc);
    }
    hx::mask<V> const else_4 = hx::land(lanes, hx::lnot(test_4));
    if (hx::any(else_4)) {
#line 97 "SEClamp.mod"
        hx::mask<V> const test_5 = hx::lt(hx::splat<V>(shared.t), self.tc2);
        hx::mask<V> const then_5 = hx::land(else_4, test_5);
        if (hx::any(then_5)) {
#line 98 "SEClamp.mod"
            self.vc = hx::select(then_5, self.amp2, self.vc);
        }
        hx::mask<V> const else_5 = hx::land(else_4, hx::lnot(test_5));
        if (hx::any(else_5)) {
#line 99 "SEClamp.mod"
            hx::mask<V> const test_6 = hx::lt(hx::splat<V>(shared.t), self.tc3);
            hx::mask<V> const then_6 = hx::land(else_5, test_6);
            if (hx::any(then_6)) {
#line 100 "SEClamp.mod"
                self.vc = hx::select(then_6, self.amp3, self.vc);
            }
            hx::mask<V> const else_6 = hx::land(else_5, hx::lnot(test_6));
            if (hx::any(else_6)) {
#line 102 "SEClamp.mod"
                self.vc = hx::select(else_6, hx::splat<V>(0.0), self.vc);
#line 103 "SEClamp.mod"
                self.on = hx::select(else_6, hx::splat<V>(0.0), self.on);
            }
        }
    }
#line 105 "SEClamp.mod"
    icur(self, shared, lanes);
#line 123 "SEClamp.cpp"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 65 "SEClamp.mod"
    vstim(self, shared, lanes);
#line 130 "SEClamp.cpp"
    V current{};
    current += self.i;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 64 "SEClamp.mod"
    icur(self, shared, lanes);
#line 140 "SEClamp.cpp"
}

template <class V, bool unit>
HX_INLINE void current_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.rs = hx::load<V>(args->column[1] + i, n);
    self.dur1 = hx::load<V>(args->column[2] + i, n);
    self.amp1 = hx::load<V>(args->column[3] + i, n);
    self.dur2 = hx::load<V>(args->column[4] + i, n);
    self.amp2 = hx::load<V>(args->column[5] + i, n);
    self.dur3 = hx::load<V>(args->column[6] + i, n);
    self.amp3 = hx::load<V>(args->column[7] + i, n);
    self.tc2 = hx::load<V>(args->column[9] + i, n);
    self.tc3 = hx::load<V>(args->column[10] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    V const area = unit ? hx::load<V>(args->area + first, n) : hx::gather<V>(args->area, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    V g = (shifted - rhs) / .001;
    hx::store(args->column[8] + i, self.vc, n);
    hx::store(args->column[11] + i, self.on, n);
    if (!lean) {
        hx::store(args->column[0] + i, self.i, n);
    }
    V const scale = 1.e2 / area;
    g = g * scale;
    rhs = rhs * scale;
    if (unit) {
        hx::store(args->rhs + first, hx::load<V>(args->rhs + first, n) + rhs, n);
    } else {
        hx::accumulate(args->rhs, node, rhs, n);
    }
    if (args->sav_rhs) {
        if (unit) {
            hx::store(args->sav_rhs + first, hx::load<V>(args->sav_rhs + first, n) + rhs, n);
        } else {
            hx::accumulate(args->sav_rhs, node, rhs, n);
        }
    }
    if (unit) {
        hx::store(args->d + first, hx::load<V>(args->d + first, n) - g, n);
    } else {
        hx::deduct(args->d, node, g, n);
    }
    if (args->sav_d) {
        if (unit) {
            hx::store(args->sav_d + first, hx::load<V>(args->sav_d + first, n) - g, n);
        } else {
            hx::deduct(args->sav_d, node, g, n);
        }
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
    self.rs = hx::load<V>(args->column[1] + i, n);
    self.vc = hx::load<V>(args->column[8] + i, n);
    self.on = hx::load<V>(args->column[11] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v;
    state_body<V>(self, shared, lanes);
    if (!lean) {
        hx::store(args->column[0] + i, self.i, n);
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

static char const* const field[] = {"i", "rs", "dur1", "amp1", "dur2", "amp2", "dur3", "amp3", "vc", "tc2", "tc3", "on"};
static int const field_dim[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static unsigned char const lean_field[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static unsigned char const written_field[] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1};
static char const* const* const ion = nullptr;
static unsigned const* const ion_read = nullptr;
static unsigned const* const ion_write = nullptr;
static char const* const* const pointer = nullptr;
static char const* const* const global = nullptr;
#if HX_WIDTH == 8
#define HX_ISA_NAME "x86-64-v4"
#elif HX_WIDTH == 4
#define HX_ISA_NAME "x86-64-v3"
#else
#define HX_ISA_NAME "x86-64-v2"
#endif
static hx_kernel const kernel = {
    HX_ABI_VERSION,
    "SEClamp",
    "c0970f7efd11e504b9ad4df511774092fbe343e7644b69574741d4cf1e1d78af",
    HX_ISA_NAME,
    0u,
    12, field, field_dim, lean_field, written_field,
    0, ion, ion_read, ion_write,
    0, pointer,
    0, global,
    0,
    current,
    state,
    nullptr,
};
#undef HX_ISA_NAME

}  // namespace

extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {
    return &hx_SEClamp::kernel;
}
