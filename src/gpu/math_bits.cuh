// A double's bits, and the tables of exp, log and pow in the memory where they are read fastest.
#pragma once

#include "device.cuh"

// Where kernels read exp's table, by the macro HX_EXP_TABLE_IN: 0 global memory (cached in L1),
// 1 constant memory (lanes with different entries take turns), 2 shared memory.
#ifndef HX_EXP_TABLE_IN
#define HX_EXP_TABLE_IN 0
#endif
#if defined(__CUDACC_RTC__) && HX_EXP_TABLE_IN == 1
#define HX_EXP_TABLE_SPACE static __constant__ const
#endif
#include "math_tables.hpp" // src/kernels

namespace hx {

typedef unsigned long long Bits;

#ifdef __CUDACC_RTC__
HX_DEVICE Bits as_bits(double x) { return static_cast<Bits>(__double_as_longlong(x)); }
HX_DEVICE double as_double(Bits u) { return __longlong_as_double(static_cast<long long>(u)); }
#else
HX_DEVICE Bits as_bits(double x) {
    Bits u;
    memcpy(&u, &x, sizeof u);
    return u;
}
HX_DEVICE double as_double(Bits u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}
#endif

// sign and exponent
HX_DEVICE unsigned top12(Bits u) { return static_cast<unsigned>(u >> 52); }

// Two neighbours of a table in one load of 16 bytes.
struct alignas(16) Pair {
    Bits first, second;
};
HX_DEVICE Pair pair_at(Bits const* table, unsigned i) {
    return reinterpret_cast<Pair const*>(table)[i];
}

#if defined(__CUDACC_RTC__) && HX_EXP_TABLE_IN == 2
__shared__ alignas(64) Bits exp_table_shared[2 * 128];
#define HX_EXP_TABLE hx::exp_table_shared
#else
#define HX_EXP_TABLE hx::exp_table
#endif

// Every kernel that evaluates a node body calls this first, with all of the block's threads.
HX_DEVICE void fill_tables() {
#if defined(__CUDACC_RTC__) && HX_EXP_TABLE_IN == 2
    for (int i = tid(); i < 2 * 128; i += n_thread()) {
        exp_table_shared[i] = exp_table[i];
    }
    HX_SYNC();
#endif
}

} // namespace hx
