// Errors of a batch and the gradient of its weights (Zhang et al. 2023, eq. 5 to 7), from the window means that
// the layers left. Arrays are (n_replica, n) or (n_out, n_in + 1), the last column of weights is the bias.
#pragma once

#include "layer.cuh"

#ifdef __CUDACC_RTC__
#define HX_EXP(x) exp(x)
#define HX_LOG(x) log(x)
#else
#define HX_EXP(x) ::exp(x)
#define HX_LOG(x) ::log(x)
#endif

// loss = -log s_target, delta_j = s_j - [j = target], with s the softmax of the outputs.
HX_GLOBAL void hx_softmax_cross_entropy(unsigned long long mean, unsigned long long target,
                                        unsigned long long delta, unsigned long long loss,
                                        int n_replica, int n) {
    for (int b = hx::block() * hx::n_thread() + hx::tid(); b < n_replica;
         b += hx::n_block() * hx::n_thread()) {
        double const* const v = (double const*)mean + (long long)b * n;
        double* const d = (double*)delta + (long long)b * n;
        int const wanted = ((int const*)target)[b];
        double most = v[0];
        for (int j = 1; j < n; ++j) {
            most = v[j] > most ? v[j] : most;
        }
        double sum = 0.;
        for (int j = 0; j < n; ++j) {
            sum += HX_EXP(v[j] - most);
        }
        ((double*)loss)[b] = HX_LOG(sum) - (v[wanted] - most);
        for (int j = 0; j < n; ++j) {
            d[j] = HX_EXP(v[j] - most) / sum - (j == wanted ? 1. : 0.);
        }
    }
}

// loss = mean over outputs of (v - target)^2.
HX_GLOBAL void hx_mean_squared_error(unsigned long long mean, unsigned long long target,
                                     unsigned long long delta, unsigned long long loss,
                                     int n_replica, int n) {
    for (int b = hx::block() * hx::n_thread() + hx::tid(); b < n_replica;
         b += hx::n_block() * hx::n_thread()) {
        double sum = 0.;
        for (int j = 0; j < n; ++j) {
            long long const k = (long long)b * n + j;
            double const off = ((double const*)mean)[k] - ((double const*)target)[k];
            sum += off * off;
            ((double*)delta)[k] = 2. * off / n;
        }
        ((double*)loss)[b] = sum / n;
    }
}

// delta of the layer before: 1[mean_i > 0] sum_j delta_j r_ji g_ji w_ji. rg: (n_out, n_in + 1).
HX_GLOBAL void hx_error_before(unsigned long long delta, unsigned long long weights,
                               unsigned long long rg, unsigned long long mean_before,
                               unsigned long long delta_before, int n_replica, int n_out,
                               int n_in) {
    for (int k = hx::block() * hx::n_thread() + hx::tid(); k < n_replica * n_in;
         k += hx::n_block() * hx::n_thread()) {
        int const b = k / n_in, i = k - b * n_in;
        double sum = 0.;
        if (((double const*)mean_before)[k] > 0.) {
            double const* const d = (double const*)delta + (long long)b * n_out;
            for (int j = 0; j < n_out; ++j) {
                long long const w = (long long)j * (n_in + 1) + i;
                sum += d[j] * (((double const*)rg)[w] * ((double const*)weights)[w]);
            }
        }
        ((double*)delta_before)[k] = sum;
    }
}

// gradient_ji = r_ji g_ji mean over the batch of delta_j f_i; f: (n_replica, n_in) means of max(v, 0).
HX_GLOBAL void hx_weight_gradient(unsigned long long delta, unsigned long long rg,
                                  unsigned long long f, unsigned long long gradient, int n_replica,
                                  int n_out, int n_in) {
    int const n = n_out * (n_in + 1);
    for (int k = hx::block() * hx::n_thread() + hx::tid(); k < n;
         k += hx::n_block() * hx::n_thread()) {
        int const j = k / (n_in + 1), i = k - j * (n_in + 1);
        double sum = 0.;
        for (int b = 0; b < n_replica; ++b) {
            double const d = ((double const*)delta)[(long long)b * n_out + j];
            sum += i < n_in ? d * ((double const*)f)[(long long)b * n_in + i] : d;
        }
        ((double*)gradient)[k] = ((double const*)rg)[k] * (sum / n_replica);
    }
}
