// The kernels of a network of layers with many replicas (heliox_neuron/nn/batch).
#pragma once

#include "device.cuh"

#ifdef __CUDACC_RTC__

#define HX_BATCH_MEMORY(memory, workspace) extern __shared__ double memory[]
#define HX_LAUNCH_BOUNDS __launch_bounds__(512, 1)
#define HX_LAYER_WARPS 1 // cells of a warp

#else

#define HX_BATCH_MEMORY(memory, workspace) double* const memory = workspace
#define HX_LAUNCH_BOUNDS
#define HX_LAYER_WARPS 16

// Which block of a launch the host device runs.
HX_GLOBAL void hx_host_block(int block, int n_block) {
    hx::host_block = block;
    hx::host_n_block = n_block;
}

#endif

#include "encoder.cuh"
#include "layer.cuh"
#include "learning.cuh"
