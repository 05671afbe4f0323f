// gold_table.mod, sha256 a9723e7767cc3897a3dbf18018807e081431dfe384e144487862f98e9ea99d23
namespace hx_gold_table {

template <class T>
HX_DEVICE T square(T x) { return x * x; }

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

// What is the same for all instances.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double once_0;
    bool use_table;
    double start_0;  // TABLE of block
    double scale_0;
    double const* table_0;
    double start_1;  // TABLE of rates
    double scale_1;
    double const* table_1;
};

// t: [ms], as the block that is run sees it.
HX_DEVICE Shared share(double t) {
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
    shared.use_table = hx_model.gold_table__usetable__global != 0.;
    shared.once_0 = hx_model.gold_table__uniform[0];
    shared.start_0 = hx_model.gold_table__table[1];
    shared.scale_0 = hx_model.gold_table__table[2];
    shared.table_0 = hx_model.gold_table__table + 3;
    shared.start_1 = hx_model.gold_table__table[35];
    shared.scale_1 = hx_model.gold_table__table[36];
    shared.table_1 = hx_model.gold_table__table + 39;
    return shared;
}

template <class V>
HX_COLD V _f_block(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
    V block{};
#line 49 "gold_table.mod"
    block = 1.0 / (1.0 + 0.3 * hx::exp(-0.062 * v, lanes, nullptr));
    return block;
#line 59 "gold_table.cu"
}

template <class V>
HX_INLINE V block(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
    V block{};
#line 47 "gold_table.mod"
#line 66 "gold_table.cu"
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
    self.ninf = 1.0 / (1.0 + hx::exp(-(v + self.shift) / 9.0, lanes, nullptr));
#line 44 "gold_table.mod"
    self.ntau = (1.0 + 4.0 * hx::exp(-square((v + 40.0) / 30.0), lanes, nullptr)) * shared.once_0;
#line 98 "gold_table.cu"
}

template <class V>
HX_INLINE void rates(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, V v) {
#line 41 "gold_table.mod"
#line 104 "gold_table.cu"
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
    self.n = self.n + (1. - hx::exp(shared.dt * (-1.0 / self.ntau), lanes, nullptr)) * (-(self.ninf / self.ntau) / (-1.0 / self.ntau) - self.n);
#line 141 "gold_table.cu"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 28 "gold_table.mod"
    self.ik = self.gbar * self.n * block(self, shared, lanes, self.v) * (self.v - self.ek);
#line 148 "gold_table.cu"
    V current{};
    current += self.ik;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 27 "gold_table.mod"
    gates(self, shared, lanes);
#line 158 "gold_table.cu"
}

HX_COLD_DEVICE void prepare(bool keep_tables) {
    double const t = 0.;
    (void)keep_tables;
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
    shared.use_table = hx_model.gold_table__usetable__global != 0.;
    shared.once_0 = hx::pow(3.0, (6.3 - shared.celsius) / 10.0);
    hx_model.gold_table__uniform[0] = shared.once_0;
    if (!shared.use_table) return;
    Instance<double> self{};
    self.gbar = hx_model.gold_table_gbar[hx_model.gold_table__first];
    self.shift = hx_model.gold_table_shift[hx_model.gold_table__first];
    self.ninf = hx_model.gold_table_ninf[hx_model.gold_table__first];
    self.ntau = hx_model.gold_table_ntau[hx_model.gold_table__first];
    self.n = hx_model.gold_table_n[hx_model.gold_table__first];
    {
        double* const made = hx_model.gold_table__table + 0;
        double* const rows = hx_model.gold_table__table + 3;
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
        double* const made = hx_model.gold_table__table + 34;
        double* const rows = hx_model.gold_table__table + 39;
        if (made[0] == 0. || (!keep_tables && (made[3] != shared.celsius || made[4] != self.shift))) {
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

struct CurrentAhead {
    double n;
};

HX_DEVICE CurrentAhead current_ahead(int i) {
    return {hx_model.gold_table_n[i]};
}

// BREAKPOINT's currents of instance i; whole: unread columns are stored too.
HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole, hx::NodeSum& sum, CurrentAhead const& ahead) {
    int const ion_0 = hx_model.gold_table__k_ion[i];
    Instance<double> self{};
    self.gbar = hx_model.gold_table_gbar[i & hx_model.gold_table_gbar__each];
    self.n = ahead.n;
    self.ek = hx_model.k_ion_erev[ion_0 & hx_model.k_ion_erev__each];
    self.v = v + .001;
    double const shifted = current_body<double>(self, shared, true);
    double const shifted_0 = self.ik;
    self.v = v;
    double const rhs = current_body<double>(self, shared, true);
    if (whole) {
        hx_model.k_ion_dcurdv[ion_0] += (shifted_0 - self.ik) / .001;
    }
    double const g = (shifted - rhs) / .001;
    if (whole) {
        hx_model.k_ion_cur[ion_0] += self.ik;
    }
    sum.rhs -= rhs;
    sum.d += g;
}

HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole, hx::NodeSum& sum) {
    current_at(shared, i, v, area, whole, sum, current_ahead(i));
}

struct StateAhead {
    double n;
};

HX_DEVICE StateAhead state_ahead(int i) {
    return {hx_model.gold_table_n[i]};
}

// BREAKPOINT's SOLVE of instance i.
HX_DEVICE void state_at(Shared const& shared, int i, double v, double area, bool whole, StateAhead const& ahead) {
    Instance<double> self{};
    self.shift = hx_model.gold_table_shift[i & hx_model.gold_table_shift__each];
    self.n = ahead.n;
    self.v = v;
    state_body<double>(self, shared, true);
    hx_model.gold_table_n[i] = self.n;
    if (whole) {
        hx_model.gold_table_ninf[i] = self.ninf;
        hx_model.gold_table_ntau[i] = self.ntau;
    }
}

HX_DEVICE void state_at(Shared const& shared, int i, double v, double area, bool whole) {
    state_at(shared, i, v, area, whole, state_ahead(i));
}

} // namespace
