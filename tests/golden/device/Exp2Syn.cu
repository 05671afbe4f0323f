// Exp2Syn.mod, sha256 36f64f10c3772dbe3d1dee71fa92d73d230f5b51e5881da2dc687725dc902b96
namespace hx_Exp2Syn {

template <class T>
HX_DEVICE T square(T x) { return x * x; }

// One instance, or as many as V has lanes.
template <class V>
struct Instance {
    V v;  // [mV]
    V i;
    V tau1;
    V tau2;
    V e;
    V g;
    V factor;
    V A;
    V B;
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
HX_INLINE void state_(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 78 "Exp2Syn.mod"
    self.A = self.A + (1. - hx::exp(shared.dt * (-1.0 / self.tau1), lanes, nullptr)) * (-0.0 / (-1.0 / self.tau1) - self.A);
#line 79 "Exp2Syn.mod"
    self.B = self.B + (1. - hx::exp(shared.dt * (-1.0 / self.tau2), lanes, nullptr)) * (-0.0 / (-1.0 / self.tau2) - self.B);
#line 44 "Exp2Syn.cu"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 73 "Exp2Syn.mod"
    self.g = self.B - self.A;
#line 74 "Exp2Syn.mod"
    self.i = self.g * (self.v - self.e);
#line 53 "Exp2Syn.cu"
    V current{};
    current += self.i;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 72 "Exp2Syn.mod"
    state_(self, shared, lanes);
#line 63 "Exp2Syn.cu"
}

// Arguments: weight.
template <class V, class Sender>
HX_INLINE void net_receive_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes, double* weight, double flag, Sender& sender) {
#line 83 "Exp2Syn.mod"
    self.A = self.A + weight[0] * self.factor;
#line 84 "Exp2Syn.mod"
    self.B = self.B + weight[0] * self.factor;
#line 73 "Exp2Syn.cu"
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
    self.e = hx_model.Exp2Syn_e[i & hx_model.Exp2Syn_e__each];
    self.A = hx_model.Exp2Syn_A[i];
    self.B = hx_model.Exp2Syn_B[i];
    self.v = v + .001;
    double const shifted = current_body<double>(self, shared, true);
    self.v = v;
    double const rhs = current_body<double>(self, shared, true);
    double const g = (shifted - rhs) / .001;
    if (whole) {
        hx_model.Exp2Syn_i[i] = self.i;
        hx_model.Exp2Syn_g[i] = self.g;
    }
    double const scale = 1.e2 / area;
    hx_model.Exp2Syn__i[i] = rhs * scale;
    hx_model.Exp2Syn__g[i] = g * scale;
}

HX_DEVICE hx::Contribution contribution_at(int i) {
    return {hx_model.Exp2Syn__i[i], hx_model.Exp2Syn__g[i]};
}

HX_DEVICE void add_at(int i, hx::Contribution part, bool whole, hx::NodeSum& sum) {
    sum.rhs -= part.i;
    sum.d += part.g;
}

// BREAKPOINT's SOLVE of instance i.
HX_DEVICE void state_at(Shared const& shared, int i, double v, double area, bool whole) {
    Instance<double> self{};
    self.tau1 = hx_model.Exp2Syn_tau1[i & hx_model.Exp2Syn_tau1__each];
    self.tau2 = hx_model.Exp2Syn_tau2[i & hx_model.Exp2Syn_tau2__each];
    self.A = hx_model.Exp2Syn_A[i];
    self.B = hx_model.Exp2Syn_B[i];
    self.v = v;
    state_body<double>(self, shared, true);
    hx_model.Exp2Syn_A[i] = self.A;
    hx_model.Exp2Syn_B[i] = self.B;
}

// NET_RECEIVE of instance i. t: the event's time. v: the node's.
HX_DEVICE void receive_at(int i, double t, double& v, double area, double* weight, double flag, hx::Sender& sender) {
    Shared const shared = share(t);
    Instance<double> self{};
    self.factor = hx_model.Exp2Syn_factor[i & hx_model.Exp2Syn_factor__each];
    self.A = hx_model.Exp2Syn_A[i];
    self.B = hx_model.Exp2Syn_B[i];
    self.v = v;
    net_receive_body<double>(self, shared, true, weight, flag, sender);
    hx_model.Exp2Syn_A[i] = self.A;
    hx_model.Exp2Syn_B[i] = self.B;
}

} // namespace
