// Kernel of pas.mod, sha256 54c18889ff0c45a1e6c79faca530a6ccaa217ac1c7f0701ca8a7d9b0841925df
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_pas {

template <class T>
HX_INLINE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V g;
    V e;
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
#line 23 "pas.mod"
    self.i = self.g * (self.v - self.e);
#line 43 "pas.cpp"
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
    self.g = hx::load<V>(args->column[1] + i, n);
    self.e = hx::load<V>(args->column[2] + i, n);
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

static char const* const field[] = {"i", "g", "e"};
static int const field_dim[] = {1, 1, 1};
static unsigned char const lean_field[] = {1, 0, 0};
static unsigned char const written_field[] = {1, 0, 0};
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
    "pas",
    "54c18889ff0c45a1e6c79faca530a6ccaa217ac1c7f0701ca8a7d9b0841925df",
    HX_ISA_NAME,
    HX_TRAIT_DENSITY,
    3, field, field_dim, lean_field, written_field,
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
    return &hx_pas::kernel;
}
