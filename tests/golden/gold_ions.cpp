// Kernel of gold_ions.mod, sha256 4622e18db81eef3bb54041ff85dd7b6f5ed2960ab7641c721d9012fe539c9537
// Passes (version 4): declarations, build, cnexp, breakpoint, supported, tables, uniform, liveness
// Generated: edit the .mod, not this.
#include "abi.h"
#include "simd.hpp"

namespace hx_gold_ions {

template <class T>
HX_INLINE T square(T x) { return x * x; }

namespace constant {
    static constexpr double FARADAY = 0x1.78e555060882cp+16;
    static constexpr double R = 0x1.0a1013e8990bep+3;
}

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V gbar;
    V decay;
    V half;
    V gk;
    V eca;
    V ica;
    V cai;
    V ek;
    V ko;
    V ik;
};

// What is the same for all instances of a call.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double (*hoc_exp)(double);
    double rest;
};

static Shared share(hx_args const* args) {
    Shared shared{};
    shared.t = args->t;
    shared.dt = args->dt;
    shared.celsius = args->celsius;
    shared.hoc_exp = args->hoc_exp;
    shared.rest = *args->global[0];
    return shared;
}

template <class V>
HX_INLINE void pool(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 52 "gold_ions.mod"
    self.cai = self.cai + (1. - hx::exp(shared.dt * -(1.0 / self.decay), lanes, shared.hoc_exp)) * (- (-10000.0 * self.ica / (2.0 * constant::FARADAY * 0.1) - -shared.rest / self.decay) / -(1.0 / self.decay) - self.cai);
#line 57 "gold_ions.cpp"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 46 "gold_ions.mod"
    self.gk = self.gbar * self.cai / (self.cai + self.half) * self.ko / (self.ko + constant::R * (shared.celsius + 273.15) / constant::FARADAY);
#line 47 "gold_ions.mod"
    self.ik = self.gk * (self.v - self.ek);
#line 48 "gold_ions.mod"
    self.ica = 0.1 * self.gbar * (self.v - self.eca);
#line 68 "gold_ions.cpp"
    V current{};
    current += self.ica;
    current += self.ik;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 45 "gold_ions.mod"
    pool(self, shared, lanes);
#line 79 "gold_ions.cpp"
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
    self.gbar = hx::load<V>(args->column[0] + i, n);
    self.half = hx::load<V>(args->column[2] + i, n);
    self.eca = unit ? hx::load<V>(args->ion_column[0] + first_0, n) : hx::gather<V>(args->ion_column[0], ion_0, n);
    self.cai = unit ? hx::load<V>(args->ion_column[1] + first_0, n) : hx::gather<V>(args->ion_column[1], ion_0, n);
    self.ek = unit ? hx::load<V>(args->ion_column[5] + first_1, n) : hx::gather<V>(args->ion_column[5], ion_1, n);
    self.ko = unit ? hx::load<V>(args->ion_column[7] + first_1, n) : hx::gather<V>(args->ion_column[7], ion_1, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v + .001;
    V const shifted = current_body<V>(self, shared, lanes);
    V const shifted_0 = self.ica;
    V const shifted_1 = self.ik;
    self.v = v;
    V rhs = current_body<V>(self, shared, lanes);
    if (!(lean && (args->lean_ion >> 0 & 1u))) {
        V const slope = (shifted_0 - self.ica) / .001;
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
            hx::store(args->ion_column[3] + first_0, hx::load<V>(args->ion_column[3] + first_0, n) + self.ica, n);
        } else {
            hx::accumulate(args->ion_column[3], ion_0, self.ica, n);
        }
    }
    if (unit) {
        hx::store(args->ion_column[1] + first_0, self.cai, n);
    } else {
        hx::scatter(args->ion_column[1], ion_0, self.cai, n);
    }
    if (!(lean && (args->lean_ion >> 1 & 1u))) {
        if (unit) {
            hx::store(args->ion_column[8] + first_1, hx::load<V>(args->ion_column[8] + first_1, n) + self.ik, n);
        } else {
            hx::accumulate(args->ion_column[8], ion_1, self.ik, n);
        }
    }
    if (!lean) {
        hx::store(args->column[3] + i, self.gk, n);
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
    int const* const ion_0 = args->ion_row[0] + i;
    long const first_0 = unit ? args->ion_row[0][range->begin] + (i - range->begin) : 0;
    bool const lean = args->flags & HX_LEAN;
    Instance<V> self{};
    self.decay = hx::load<V>(args->column[1] + i, n);
    self.ica = unit ? hx::load<V>(args->ion_column[3] + first_0, n) : hx::gather<V>(args->ion_column[3], ion_0, n);
    self.cai = unit ? hx::load<V>(args->ion_column[1] + first_0, n) : hx::gather<V>(args->ion_column[1], ion_0, n);
    V const v = unit ? hx::load<V>(args->v + first, n) : hx::gather<V>(args->v, node, n);
    hx::mask<V> const lanes = hx::active<V>(n);
    self.v = v;
    state_body<V>(self, shared, lanes);
    if (unit) {
        hx::store(args->ion_column[1] + first_0, self.cai, n);
    } else {
        hx::scatter(args->ion_column[1], ion_0, self.cai, n);
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

static char const* const field[] = {"gbar", "decay", "half", "gk"};
static int const field_dim[] = {1, 1, 1, 1};
static unsigned char const lean_field[] = {0, 0, 0, 1};
static unsigned char const written_field[] = {0, 0, 0, 1};
static char const* const ion[] = {"ca_ion", "k_ion"};
static unsigned const ion_read[] = {0xbu, 0x5u};
static unsigned const ion_write[] = {0x1au, 0x18u};
static char const* const* const pointer = nullptr;
static char const* const global[] = {"rest_gold_ions"};
#if HX_WIDTH == 8
#define HX_ISA_NAME "x86-64-v4"
#elif HX_WIDTH == 4
#define HX_ISA_NAME "x86-64-v3"
#else
#define HX_ISA_NAME "x86-64-v2"
#endif
static hx_kernel const kernel = {
    HX_ABI_VERSION,
    "gold_ions",
    "4622e18db81eef3bb54041ff85dd7b6f5ed2960ab7641c721d9012fe539c9537",
    HX_ISA_NAME,
    HX_TRAIT_DENSITY,
    4, field, field_dim, lean_field, written_field,
    2, ion, ion_read, ion_write,
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
    return &hx_gold_ions::kernel;
}
