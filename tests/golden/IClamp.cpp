// Kernel of IClamp.mod, sha256 53b6b96d8992870055453245dfa868b4bffe5f919bf6b4ab2f7791d6a1832a35
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_IClamp {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V del;
    V dur;
    V amp;
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
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 29 "IClamp.mod"
#line 30 "IClamp.mod"
#line 32 "IClamp.mod"
    hx::mask<V> const test_1 = hx::land(hx::lt(hx::splat<V>(shared.t), self.del + self.dur), hx::ge(hx::splat<V>(shared.t), self.del));
    hx::mask<V> const then_1 = hx::land(lanes, test_1);
    if (hx::any(then_1)) {
#line 33 "IClamp.mod"
        self.i = hx::select(then_1, self.amp, self.i);
    }
    hx::mask<V> const else_1 = hx::land(lanes, hx::lnot(test_1));
    if (hx::any(else_1)) {
#line 35 "IClamp.mod"
        self.i = hx::select(else_1, hx::splat<V>(0.0), self.i);
    }
#line 56 "IClamp.cpp"
    V current{};
    current += self.i;
    return current;
}

template <class V, bool unit>
HX_INLINE void current_chunk(hx_args const* args, Shared const& shared, hx_range const* range, int i, int n) {
    int const* const node = args->node_row + i;
    long const first = unit ? args->node_row[range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.del = hx::load<V>(args->column[1] + i, n);
    self.dur = hx::load<V>(args->column[2] + i, n);
    self.amp = hx::load<V>(args->column[3] + i, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    V const area = unit ? hx::load<V>(args->area + first, n) : hx::gather<V>(args->area, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    V g = (shifted - rhs) / .001;
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

static char const* const field[] = {"i", "del", "dur", "amp"};
static int const field_dim[] = {1, 1, 1, 1};
static unsigned char const lean_field[] = {1, 0, 0, 0};
static unsigned char const written_field[] = {1, 0, 0, 0};
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
    "IClamp",
    "53b6b96d8992870055453245dfa868b4bffe5f919bf6b4ab2f7791d6a1832a35",
    HX_ISA_NAME,
    0u,
    4, field, field_dim, lean_field, written_field,
    0, ion, ion_read, ion_write,
    0, pointer,
    0, global,
    0,
    current,
    nullptr,
    nullptr,
};
#undef HX_ISA_NAME

}  // namespace

extern "C" HX_EXPORT hx_kernel const* hx_kernel_entry_point(void) {
    return &hx_IClamp::kernel;
}
