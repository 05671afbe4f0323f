// Input cells: one passive compartment with an ExpSyn each, driven by a train of spikes; a thread a cell and replica.
//
// The step is NEURON's: events due by t + dt/2, currents, v, then the state of the synapse (nocmodl's cnexp).
#pragma once

#include "layer.cuh"

namespace hx {

// Words of 8 bytes, filled by heliox_neuron/nn/batch/network.py in this order.
struct Encoder {
    long long n_cell, n_step, n_time, first, last;
    double const* times; // (n_replica, n_cell, n_time) ms, ascending, due at the synapse; or null
    double const* x;     // (n_replica, n_cell) input in [0, 1], for spikes at a rate
    double* trajectory;  // (n_replica, n_step, n_cell) mV
    double* mean;        // (n_replica, n_cell)
    double* rectified;   // (n_replica, n_cell)
    double dt, v_init;
    double c, g, ge;     // C/dt, conductance and its current at v = 0, mA/cm2
    double area, e;      // 100/area, reversal potential of the synapse
    double weight, loss; // uS; 1 - exp(-dt/tau)
    double scale, base, epsilon, number, delay; // of the rate code
};

// When the next spike is due at the synapse. NetStim's arithmetic: the first at start, then one an interval.
struct SpikeTrain {
    double const* times;
    double interval, t, delay;
    int left;

    HX_DEVICE_MEMBER void begin(Encoder const& m, int b, int n) {
        long long const k = (long long)b * m.n_cell + n;
        if (m.times) {
            times = m.times + k * m.n_time;
            left = (int)m.n_time;
            delay = 0.;
            t = left ? times[0] : 0.;
        } else {
            times = 0;
            interval = m.scale / (m.x[k] + m.epsilon);
            t = m.base + interval + interval - interval;
            left = (int)m.number;
            delay = m.delay;
        }
    }
    HX_DEVICE_MEMBER bool is_due(double now) const { return left > 0 && t + delay <= now; }
    HX_DEVICE_MEMBER void next() {
        --left;
        if (!times) {
            t += interval;
        } else if (left > 0) {
            t = *++times;
        }
    }
};

} // namespace hx

HX_GLOBAL void hx_encode(unsigned long long address, int n_replica) {
    hx::Encoder const m = *(hx::Encoder const*)address;
    int const n_cell = (int)m.n_cell, n_step = (int)m.n_step;
    for (int k = hx::block() * hx::n_thread() + hx::tid(); k < n_replica * n_cell;
         k += hx::n_block() * hx::n_thread()) {
        int const b = k / n_cell, n = k - b * n_cell;
        hx::SpikeTrain train;
        train.begin(m, b, n);
        double v = m.v_init, g = 0., t = 0., sum = 0., rectified = 0.;
        double const half = .5 * m.dt;
        for (int s = 0; s < n_step; ++s) {
            while (train.is_due(t + half)) {
                g += m.weight;
                train.next();
            }
            double const syn = g * m.area;
            double const rhs = m.ge - m.g * v - syn * (v - m.e);
            v += rhs / (m.c + m.g + syn);
            t += half;
            t += half;
            g -= m.loss * g;
            m.trajectory[((long long)b * n_step + s) * n_cell + n] = v;
            if (s >= m.first && s < m.last) {
                sum += v;
                rectified += hx::rectify(v);
            }
        }
        double const count = (double)(m.last - m.first);
        m.mean[k] = sum / count;
        m.rectified[k] = rectified / count;
    }
}
