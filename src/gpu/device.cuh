// What kernels need of the language, in a form that NVRTC and g++ both take.
//
// Under NVRTC a block of threads runs a kernel. On the host ("host device", for tests and for machines
// without a GPU) the same text is plain C++ and each block is one thread, so cooperative code is written as
// loops `for (int i = hx::tid(); i < n; i += hx::n_thread())` with HX_SYNC() between phases.
#pragma once

#ifdef __CUDACC_RTC__

#define HX_DEVICE static __device__ __forceinline__
#define HX_DEVICE_MEMBER __device__ __forceinline__
#define HX_COLD_DEVICE static __device__ __noinline__
#define HX_GLOBAL extern "C" __global__
#define HX_CONSTANT __constant__
#define HX_TABLE static __device__ const
#define HX_SYNC() __syncthreads()
#define HX_SYNCWARP() __syncwarp()
#define HX_RESTRICT __restrict__
// Before a loop: its body once. Written out four times, a model's kernel is far larger than the instruction cache.
#define HX_ROLLED _Pragma("unroll 1")

namespace hx {
HX_DEVICE int tid() { return threadIdx.x; }
HX_DEVICE int n_thread() { return blockDim.x; }
HX_DEVICE int block() { return blockIdx.x; }
HX_DEVICE int n_block() { return gridDim.x; }
HX_DEVICE int warp() { return threadIdx.x / 32; }
HX_DEVICE int n_warp() { return blockDim.x / 32; }
HX_DEVICE int lane() { return threadIdx.x % 32; }
HX_DEVICE int n_lane() { return 32; }
// A place of its own for each caller.
HX_DEVICE int atomic_next(int* count) { return atomicAdd(count, 1); }
// An element of an array that no kernel writes while it runs: loads may move before stores.
template <class T>
HX_DEVICE T fixed(T const* p, int i) {
    return __ldg(p + i);
}
// An element that is read once a step: it leaves the multiprocessor's own cache to what is read more often.
template <class T>
HX_DEVICE T passing(T const* p, int i) {
    return __ldcg(p + i);
}
} // namespace hx

#else

#include <math.h>
#include <string.h>

#define HX_DEVICE static inline __attribute__((always_inline))
#define HX_DEVICE_MEMBER inline __attribute__((always_inline))
#define HX_COLD_DEVICE static __attribute__((noinline, unused))
#define HX_GLOBAL extern "C" __attribute__((visibility("default")))
#define HX_CONSTANT __attribute__((visibility("default")))
#define HX_TABLE static const
#define HX_SYNC() ((void)0)
#define HX_SYNCWARP() ((void)0)
#define HX_RESTRICT __restrict__
#define HX_ROLLED

namespace hx {
inline thread_local int host_block = 0, host_n_block = 1;
HX_DEVICE int tid() { return 0; }
HX_DEVICE int n_thread() { return 1; }
HX_DEVICE int block() { return host_block; }
HX_DEVICE int n_block() { return host_n_block; }
HX_DEVICE int warp() { return 0; }
HX_DEVICE int n_warp() { return 1; }
HX_DEVICE int lane() { return 0; }
HX_DEVICE int n_lane() { return 1; }
HX_DEVICE int atomic_next(int* count) { return (*count)++; }
template <class T>
HX_DEVICE T fixed(T const* p, int i) {
    return p[i];
}
template <class T>
HX_DEVICE T passing(T const* p, int i) {
    return p[i];
}
} // namespace hx

#endif

namespace hx {
// What one load brings.
struct alignas(16) Two {
    double x, y;
};
struct alignas(8) TwoWords {
    int word[2];
};
struct alignas(16) FourWords {
    int word[4];
};
} // namespace hx
