// pas.mod, sha256 54c18889ff0c45a1e6c79faca530a6ccaa217ac1c7f0701ca8a7d9b0841925df
namespace hx_pas {

template <class T>
HX_DEVICE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V g;
    V e;
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
#line 23 "pas.mod"
    self.i = self.g * (self.v - self.e);
#line 37 "pas.cu"
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
HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole, hx::NodeSum& sum) {
    Instance<double> self{};
    self.g = hx_model.pas_g[i & hx_model.pas_g__each];
    self.e = hx_model.pas_e[i & hx_model.pas_e__each];
    self.v = v + .001;
    double const shifted = current_body<double>(self, shared, true);
    self.v = v;
    double const rhs = current_body<double>(self, shared, true);
    double const g = (shifted - rhs) / .001;
    if (whole) {
        hx_model.pas_i[i] = self.i;
    }
    sum.rhs -= rhs;
    sum.d += g;
}

} // namespace
