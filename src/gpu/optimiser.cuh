// Optimisers: one fused kernel a step over a flat vector of parameters, with torch's formulas.
//
// values, gradient: (n,) doubles; lower, upper: (n,) or null, bounds that the new values are clipped to. rate: of
// learning. limit: of the gradient's Euclidean norm, 0 for none, as torch's clip_grad_norm_; `squares` then holds
// the kSquares partial sums of hx_squares. Sums are in a fixed order, so a step repeats bit for bit.
#pragma once

#include "device.cuh"

namespace hx {

constexpr int kSquares = 64;

#ifdef __CUDACC_RTC__
HX_DEVICE double warp_sum(double x) {
    for (int k = 16; k > 0; k /= 2) {
        x += __shfl_down_sync(0xffffffffu, x, k);
    }
    return x;
}
#else
HX_DEVICE double warp_sum(double x) { return x; }
#endif

// Factor of the gradient that keeps its norm below limit.
HX_DEVICE double clip_factor(double const* squares, double limit) {
    if (!(limit > 0.)) {
        return 1.;
    }
    double sum = 0.;
    for (int k = 0; k < kSquares; ++k) {
        sum += squares[k];
    }
    double const factor = limit / (::sqrt(sum) + 1e-6);
    return factor < 1. ? factor : 1.; // of a NaN: 1, so that the NaN stays
}

HX_DEVICE double bounded(double x, double const* lower, double const* upper, int i) {
    if (lower && x < lower[i]) {
        x = lower[i];
    }
    if (upper && x > upper[i]) {
        x = upper[i];
    }
    return x;
}

} // namespace hx

#ifndef __CUDACC_RTC__
// Which block of a launch the host device runs.
HX_GLOBAL void hx_host_block(int block, int n_block) {
    hx::host_block = block;
    hx::host_n_block = n_block;
}
#endif

// squares: (kSquares,) partial sums of gradient**2. Any number of blocks of one warp.
HX_GLOBAL void hx_squares(double const* gradient, double* squares, int n) {
    for (int k = hx::block(); k < hx::kSquares; k += hx::n_block()) {
        double sum = 0.;
        for (int i = k * hx::n_lane() + hx::lane(); i < n; i += hx::kSquares * hx::n_lane()) {
            sum += gradient[i] * gradient[i];
        }
        sum = hx::warp_sum(sum);
        if (hx::lane() == 0) {
            squares[k] = sum;
        }
    }
}

// torch.optim.SGD. velocity: (n,) or null without momentum; first: 1 in the first step, which fills it.
HX_GLOBAL void hx_sgd(double* values, double const* gradient, double const* lower,
                      double const* upper, double const* squares, double* velocity, int n,
                      double rate, double limit, double momentum, double dampening,
                      double weight_decay, int nesterov, int first) {
    double const factor = hx::clip_factor(squares, limit);
    for (int i = hx::block() * hx::n_thread() + hx::tid(); i < n;
         i += hx::n_block() * hx::n_thread()) {
        double x = values[i];
        double g = gradient[i] * factor;
        if (weight_decay != 0.) {
            g = g + weight_decay * x;
        }
        if (velocity) {
            double const u = first ? g : velocity[i] * momentum + (1. - dampening) * g;
            velocity[i] = u;
            g = nesterov ? g + momentum * u : u;
        }
        values[i] = hx::bounded(x - rate * g, lower, upper, i);
    }
}

// torch.optim.Adam. mean, square: (n,); largest: (n,) or null without amsgrad. correct1, correct2: 1 - beta**step.
HX_GLOBAL void hx_adam(double* values, double const* gradient, double const* lower,
                       double const* upper, double const* squares, double* mean, double* square,
                       double* largest, int n, double rate, double limit, double beta1,
                       double beta2, double epsilon, double weight_decay, double correct1,
                       double correct2) {
    double const factor = hx::clip_factor(squares, limit);
    double const size = rate / correct1, root = ::sqrt(correct2);
    for (int i = hx::block() * hx::n_thread() + hx::tid(); i < n;
         i += hx::n_block() * hx::n_thread()) {
        double x = values[i];
        double g = gradient[i] * factor;
        if (weight_decay != 0.) {
            g = g + weight_decay * x;
        }
        double const m = mean[i] + (g - mean[i]) * (1. - beta1);
        double s = square[i] * beta2 + (1. - beta2) * (g * g);
        mean[i] = m;
        square[i] = s;
        if (largest) {
            s = largest[i] > s ? largest[i] : s;
            largest[i] = s;
        }
        values[i] = hx::bounded(x - size * (m / (::sqrt(s) / root + epsilon)), lower, upper, i);
    }
}

// After an optimiser of the user's own.
HX_GLOBAL void hx_bound(double* values, double const* lower, double const* upper, int n) {
    for (int i = hx::block() * hx::n_thread() + hx::tid(); i < n;
         i += hx::n_block() * hx::n_thread()) {
        values[i] = hx::bounded(values[i], lower, upper, i);
    }
}
