// gold_ions.mod, sha256 4622e18db81eef3bb54041ff85dd7b6f5ed2960ab7641c721d9012fe539c9537
namespace hx_gold_ions {

template <class T>
HX_DEVICE T square(T x) { return x * x; }

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

// What is the same for all instances.
struct Shared {
    double t;        // [ms]
    double dt;       // [ms]
    double celsius;  // [degC]
    double rest;
};

// t: [ms], as the block that is run sees it.
HX_DEVICE Shared share(double t) {
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
    shared.rest = hx_model.gold_ions__rest__global;
    return shared;
}

template <class V>
HX_INLINE void pool(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 52 "gold_ions.mod"
    self.cai = self.cai + (1. - hx::exp(shared.dt * -(1.0 / self.decay), lanes, nullptr)) * (- (-10000.0 * self.ica / (2.0 * constant::FARADAY * 0.1) - -shared.rest / self.decay) / -(1.0 / self.decay) - self.cai);
#line 51 "gold_ions.cu"
}

template <class V>
HX_INLINE V current_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 46 "gold_ions.mod"
    self.gk = self.gbar * self.cai / (self.cai + self.half) * self.ko / (self.ko + constant::R * (shared.celsius + 273.15) / constant::FARADAY);
#line 47 "gold_ions.mod"
    self.ik = self.gk * (self.v - self.ek);
#line 48 "gold_ions.mod"
    self.ica = 0.1 * self.gbar * (self.v - self.eca);
#line 62 "gold_ions.cu"
    V current{};
    current += self.ica;
    current += self.ik;
    return current;
}

template <class V>
HX_INLINE void state_body(Instance<V>& self, Shared const& shared, hx::mask<V> lanes) {
#line 45 "gold_ions.mod"
    pool(self, shared, lanes);
#line 73 "gold_ions.cu"
}

HX_COLD_DEVICE void prepare(bool keep_tables) {
    double const t = 0.;
    (void)keep_tables;
    Shared shared{};
    shared.t = t;
    shared.dt = hx_model.dt;
    shared.celsius = hx_model.celsius;
    shared.rest = hx_model.gold_ions__rest__global;
}

// BREAKPOINT's currents of instance i; whole: unread columns are stored too.
HX_DEVICE void current_at(Shared const& shared, int i, double v, double area, bool whole, hx::NodeSum& sum) {
    int const ion_0 = hx_model.gold_ions__ca_ion[i];
    int const ion_1 = hx_model.gold_ions__k_ion[i];
    Instance<double> self{};
    self.gbar = hx_model.gold_ions_gbar[i & hx_model.gold_ions_gbar__each];
    self.half = hx_model.gold_ions_half[i & hx_model.gold_ions_half__each];
    self.eca = hx_model.ca_ion_erev[ion_0 & hx_model.ca_ion_erev__each];
    self.cai = hx_model.ca_ion_conci[ion_0];
    self.ek = hx_model.k_ion_erev[ion_1 & hx_model.k_ion_erev__each];
    self.ko = hx_model.k_ion_conco[ion_1 & hx_model.k_ion_conco__each];
    self.v = v + .001;
    double const shifted = current_body<double>(self, shared, true);
    double const shifted_0 = self.ica;
    double const shifted_1 = self.ik;
    self.v = v;
    double const rhs = current_body<double>(self, shared, true);
    {
        hx_model.ca_ion_dcurdv[ion_0] += (shifted_0 - self.ica) / .001;
    }
    if (whole) {
        hx_model.k_ion_dcurdv[ion_1] += (shifted_1 - self.ik) / .001;
    }
    double const g = (shifted - rhs) / .001;
    {
        hx_model.ca_ion_cur[ion_0] += self.ica;
    }
    hx_model.ca_ion_conci[ion_0] = self.cai;
    if (whole) {
        hx_model.k_ion_cur[ion_1] += self.ik;
    }
    if (whole) {
        hx_model.gold_ions_gk[i] = self.gk;
    }
    sum.rhs -= rhs;
    sum.d += g;
}

// BREAKPOINT's SOLVE of instance i.
HX_DEVICE void state_at(Shared const& shared, int i, double v, double area, bool whole) {
    int const ion_0 = hx_model.gold_ions__ca_ion[i];
    Instance<double> self{};
    self.decay = hx_model.gold_ions_decay[i & hx_model.gold_ions_decay__each];
    self.ica = hx_model.ca_ion_cur[ion_0];
    self.cai = hx_model.ca_ion_conci[ion_0];
    self.v = v;
    state_body<double>(self, shared, true);
    hx_model.ca_ion_conci[ion_0] = self.cai;
}

} // namespace
