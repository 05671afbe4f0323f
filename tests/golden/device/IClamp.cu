// IClamp.mod, sha256 53b6b96d8992870055453245dfa868b4bffe5f919bf6b4ab2f7791d6a1832a35
namespace hx_IClamp {

template <class T>
HX_DEVICE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V del;
    V dur;
    V amp;
};

// What is the same for all instances.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
};

// t: [ms], as the block that is run sees it.
HX_DEVICE Shared share(double t) {
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
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
#line 50 "IClamp.cu"
    V current{};
    current += self.i;
    return current;
}

HX_COLD_DEVICE void prepare(bool keep_tables) {
    double const t = 0.;
    (void)keep_tables;
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
}

// BREAKPOINT's currents of instance i; whole: unread columns are stored too.
HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole) {
    Instance<double> self{};
    self.del = hx_model.IClamp_del[i & hx_model.IClamp_del__each];
    self.dur = hx_model.IClamp_dur[i & hx_model.IClamp_dur__each];
    self.amp = hx_model.IClamp_amp[i & hx_model.IClamp_amp__each];
    self.v = v + .001;
    double const shifted = current_body<double>(self, shared, true);
    self.v = v;
    double const rhs = current_body<double>(self, shared, true);
    double const g = (shifted - rhs) / .001;
    if (whole) {
        hx_model.IClamp_i[i] = self.i;
    }
    double const scale = 1.e2 / area;
    hx_model.IClamp__i[i] = rhs * scale;
    hx_model.IClamp__g[i] = g * scale;
}

HX_DEVICE hx::Contribution contribution_at(int i) {
    return {hx_model.IClamp__i[i], hx_model.IClamp__g[i]};
}

HX_DEVICE void add_at(int i, hx::Contribution part, bool whole, hx::NodeSum& sum) {
    sum.rhs += part.i;
    sum.d -= part.g;
}

} // namespace
