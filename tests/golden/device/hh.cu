// hh.mod, sha256 0930c774749df8d69a3656e3ebca4ae80bd88acf5c9a755d5fbb5d716909d19c
namespace hx_hh {

template <class T>
HX_DEVICE T square(T x) { return x * x; }

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

// What is the same for all instances.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double once_0;
    bool use_table;
    double start_0;  // TABLE of rates
    double scale_0;
    double const* table_0;
};

// t: [ms], as the block that is run sees it.
HX_DEVICE Shared share(double t) {
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
    shared.use_table = hx_model.hh__usetable__global != 0.;
    shared.once_0 = hx_model.hh__uniform[0];
    shared.start_0 = hx_model.hh__table[1];
    shared.scale_0 = hx_model.hh__table[2];
    shared.table_0 = hx_model.hh__table + 4;
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
        vtrap = hx::select(else_1, x / (hx::exp(x / y, else_1, nullptr) - 1.0), vtrap);
    }
    return vtrap;
#line 76 "hh.cu"
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
    beta = 4.0 * hx::exp(-(v + 65.0) / 18.0, lanes, nullptr);
#line 104 "hh.mod"
    sum = alpha + beta;
#line 105 "hh.mod"
    self.mtau = 1.0 / (q10 * sum);
#line 106 "hh.mod"
    self.minf = alpha / sum;
#line 108 "hh.mod"
    alpha = .07 * hx::exp(-(v + 65.0) / 20.0, lanes, nullptr);
#line 109 "hh.mod"
    beta = 1.0 / (hx::exp(-(v + 35.0) / 10.0, lanes, nullptr) + 1.0);
#line 110 "hh.mod"
    sum = alpha + beta;
#line 111 "hh.mod"
    self.htau = 1.0 / (q10 * sum);
#line 112 "hh.mod"
    self.hinf = alpha / sum;
#line 114 "hh.mod"
    alpha = .01 * vtrap(self, shared, lanes, -(v + 55.0), 10.0);
#line 115 "hh.mod"
    beta = .125 * hx::exp(-(v + 65.0) / 80.0, lanes, nullptr);
#line 116 "hh.mod"
    sum = alpha + beta;
#line 117 "hh.mod"
    self.ntau = 1.0 / (q10 * sum);
#line 118 "hh.mod"
    self.ninf = alpha / sum;
#line 118 "hh.cu"
}

template <class V>
HX_INLINE void rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 93 "hh.mod"
#line 124 "hh.cu"
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
    self.m = self.m + (1. - hx::exp(shared.dt * (-1.0 / self.mtau), lanes, nullptr)) * (-(self.minf / self.mtau) / (-1.0 / self.mtau) - self.m);
#line 85 "hh.mod"
    self.h = self.h + (1. - hx::exp(shared.dt * (-1.0 / self.htau), lanes, nullptr)) * (-(self.hinf / self.htau) / (-1.0 / self.htau) - self.h);
#line 86 "hh.mod"
    self.n = self.n + (1. - hx::exp(shared.dt * (-1.0 / self.ntau), lanes, nullptr)) * (-(self.ninf / self.ntau) / (-1.0 / self.ntau) - self.n);
#line 189 "hh.cu"
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
#line 204 "hh.cu"
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
#line 216 "hh.cu"
}

HX_COLD_DEVICE void prepare(bool keep_tables) {
    double const t = 0.;
    (void)keep_tables;
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
    shared.use_table = hx_model.hh__usetable__global != 0.;
    shared.once_0 = hx::pow(3.0, (shared.celsius - 6.3) / 10.0);
    hx_model.hh__uniform[0] = shared.once_0;
    if (!shared.use_table) return;
    Instance<double> self{};
    self.il = hx_model.hh_il[hx_model.hh__first];
    self.gnabar = hx_model.hh_gnabar[hx_model.hh__first];
    self.gkbar = hx_model.hh_gkbar[hx_model.hh__first];
    self.gl = hx_model.hh_gl[hx_model.hh__first];
    self.el = hx_model.hh_el[hx_model.hh__first];
    self.m = hx_model.hh_m[hx_model.hh__first];
    self.h = hx_model.hh_h[hx_model.hh__first];
    self.n = hx_model.hh_n[hx_model.hh__first];
    self.gna = hx_model.hh_gna[hx_model.hh__first];
    self.gk = hx_model.hh_gk[hx_model.hh__first];
    self.minf = hx_model.hh_minf[hx_model.hh__first];
    self.hinf = hx_model.hh_hinf[hx_model.hh__first];
    self.ninf = hx_model.hh_ninf[hx_model.hh__first];
    self.mtau = hx_model.hh_mtau[hx_model.hh__first];
    self.htau = hx_model.hh_htau[hx_model.hh__first];
    self.ntau = hx_model.hh_ntau[hx_model.hh__first];
    {
        double* const made = hx_model.hh__table + 0;
        double* const rows = hx_model.hh__table + 4;
        if (made[0] == 0. || (!keep_tables && (made[3] != shared.celsius))) {
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

struct CurrentAhead {
    double m;
    double h;
    double n;
};

HX_DEVICE CurrentAhead current_ahead(int i) {
    return {hx_model.hh_m[i], hx_model.hh_h[i], hx_model.hh_n[i]};
}

// BREAKPOINT's currents of instance i; whole: unread columns are stored too.
HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole, hx::NodeSum& sum, CurrentAhead const& ahead) {
    int const ion_0 = hx_model.hh__na_ion[i];
    int const ion_1 = hx_model.hh__k_ion[i];
    Instance<double> self{};
    self.gnabar = hx_model.hh_gnabar[i & hx_model.hh_gnabar__each];
    self.gkbar = hx_model.hh_gkbar[i & hx_model.hh_gkbar__each];
    self.gl = hx_model.hh_gl[i & hx_model.hh_gl__each];
    self.el = hx_model.hh_el[i & hx_model.hh_el__each];
    self.m = ahead.m;
    self.h = ahead.h;
    self.n = ahead.n;
    self.ena = hx_model.na_ion_erev[ion_0 & hx_model.na_ion_erev__each];
    self.ek = hx_model.k_ion_erev[ion_1 & hx_model.k_ion_erev__each];
    self.v = v + .001;
    double const shifted = current_body<double>(self, shared, true);
    double const shifted_0 = self.ina;
    double const shifted_1 = self.ik;
    self.v = v;
    double const rhs = current_body<double>(self, shared, true);
    if (whole) {
        hx_model.na_ion_dcurdv[ion_0] += (shifted_0 - self.ina) / .001;
    }
    if (whole) {
        hx_model.k_ion_dcurdv[ion_1] += (shifted_1 - self.ik) / .001;
    }
    double const g = (shifted - rhs) / .001;
    if (whole) {
        hx_model.na_ion_cur[ion_0] += self.ina;
    }
    if (whole) {
        hx_model.k_ion_cur[ion_1] += self.ik;
    }
    if (whole) {
        hx_model.hh_il[i] = self.il;
        hx_model.hh_gna[i] = self.gna;
        hx_model.hh_gk[i] = self.gk;
    }
    sum.rhs -= rhs;
    sum.d += g;
}

HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole, hx::NodeSum& sum) {
    current_at(shared, i, v, area, whole, sum, current_ahead(i));
}

struct StateAhead {
    double m;
    double h;
    double n;
};

HX_DEVICE StateAhead state_ahead(int i) {
    return {hx_model.hh_m[i], hx_model.hh_h[i], hx_model.hh_n[i]};
}

// BREAKPOINT's SOLVE of instance i.
HX_DEVICE void state_at(Shared const& shared, int i, double v, double area, bool whole, StateAhead const& ahead) {
    Instance<double> self{};
    self.m = ahead.m;
    self.h = ahead.h;
    self.n = ahead.n;
    self.v = v;
    state_body<double>(self, shared, true);
    hx_model.hh_m[i] = self.m;
    hx_model.hh_h[i] = self.h;
    hx_model.hh_n[i] = self.n;
    if (whole) {
        hx_model.hh_minf[i] = self.minf;
        hx_model.hh_hinf[i] = self.hinf;
        hx_model.hh_ninf[i] = self.ninf;
        hx_model.hh_mtau[i] = self.mtau;
        hx_model.hh_htau[i] = self.htau;
        hx_model.hh_ntau[i] = self.ntau;
    }
}

HX_DEVICE void state_at(Shared const& shared, int i, double v, double area, bool whole) {
    state_at(shared, i, v, area, whole, state_ahead(i));
}

} // namespace
