// The kernels that take a model through time, after the model's own functions (codegen/device_source.py).
#pragma once

#ifdef __CUDACC_RTC__

#ifdef HX_GLOBAL_NODES // the nodes of a block do not fit into shared memory
#define HX_NODE_MEMORY(memory, b)                                                                  \
    double* const memory = hx_model.workspace + hx_model.workspace_first[b]
#else
#define HX_NODE_MEMORY(memory, b) extern __shared__ __align__(16) double memory[]
#endif
#ifndef HX_THREADS
#define HX_THREADS 1024
#endif
#ifndef HX_BLOCKS
#define HX_BLOCKS 1 // that a multiprocessor is to hold at a time
#endif
#define HX_LAUNCH_BOUNDS __launch_bounds__(HX_THREADS, HX_BLOCKS)

#else

#define HX_LAUNCH_BOUNDS
#define HX_NODE_MEMORY(memory, b)                                                                  \
    double* const memory = hx_model.workspace + hx_model.workspace_first[b]

// Which block of a launch the host device runs.
HX_GLOBAL void hx_host_block(int block, int n_block) {
    hx::host_block = block;
    hx::host_n_block = n_block;
}

#endif

#include "columns.cuh"
#include "flags.cuh"

#include "average.cuh"
#include "events.cuh"
#include "network.cuh"
#include "step_end.cuh"
#ifdef HX_PLAN_STREAMS
#include "streams.cuh"
#elif defined(HX_PLAN_COUPLED)
#include "coupled.cuh"
#else
#include "fused.cuh"
#endif
