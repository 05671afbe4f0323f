/* The contract between a compiled mechanism (a "kernel") and the engine that calls it.
 *
 * A kernel is generated from the text of one MOD file and lives in a shared library that exports
 * one function, hx_kernels(), or hx_kernel(). Plain C, so that any compiler's output can be loaded.
 * The same node bodies are printed for CUDA; this header describes the CPU entries only.
 *
 * Units are NEURON's: mV, ms, mA/cm2 (density), nA (point process), S/cm2, mM, um2.
 */
#ifndef HELIOX_KERNELS_ABI_H
#define HELIOX_KERNELS_ABI_H

#include <stddef.h>

#define HX_ABI_VERSION 1

/* what a kernel library shows, whatever the compiler hides by default */
#define HX_EXPORT __attribute__((visibility("default")))

/* An ion mechanism has five columns, in NEURON's order (nrnoc/eion.cpp). */
enum hx_ion_column { HX_ION_EREV, HX_ION_CONCI, HX_ION_CONCO, HX_ION_CUR, HX_ION_DCURDV, HX_ION_N };

/* A run of instances [begin, end) of one mechanism in one thread.
 *
 * consecutive != 0: node rows and every ion's rows are consecutive inside the run
 *   (node_row[i] == node_row[begin] + i - begin, the same for ion_row[k]); use unit strides.
 * consecutive == 0: use the index arrays. node_row may then repeat a node (several point processes
 *   on one node) unless HX_TRAIT_DENSITY is set: accumulate in instance order. */
typedef struct hx_range {
    int begin;
    int end;
    int consecutive;
} hx_range;

/* flags of hx_args */
#define HX_LEAN                                                                                    \
    1u /* columns of hx_kernel.lean_field, and ion cur/dcurdv of ions whose bit is set in
                      lean_ion, need not be stored in this call (a later call will store them) */

#define HX_LAST                                                                                    \
    2u /* the range ends with the first thread's last instance: what that instance assigned to a
                      GLOBAL is what hoc sees, and is stored */

/* Everything a hook may touch. Pointers stay valid for the duration of one call. Columns are based at
 * the thread's first instance. */
typedef struct hx_args {
    double t;       /* nt._t, ms */
    double dt;      /* nt._dt, ms */
    double celsius; /* degC */
    unsigned flags;
    unsigned lean_ion;     /* bit k: ion k's cur and dcurdv need not be stored (with HX_LEAN) */
    double* const* column; /* [n_field] base of each field, instance-major; arrays: [i*dim + k] */
    int const* node_row;   /* [n] row of the instance's node */
    double const* v;       /* [n_node] mV */
    double const* area;    /* [n_node] um2 */
    double* rhs;           /* [n_node] */
    double* d;             /* [n_node] */
    double* sav_rhs;       /* [n_node] or NULL: electrode currents for fast_imem */
    double* sav_d;         /* [n_node] or NULL */
    double* const* ion_column;     /* [n_ion * HX_ION_N], see hx_ion_column */
    int const* const* ion_row;     /* [n_ion][n] row of the instance's ion */
    double* const* const* pointer; /* [n_pointer][n] targets of POINTER variables */
    double* const* global;     /* [n_global] addresses of scalars (GLOBAL, non-RANGE PARAMETER) */
    double* table;             /* [table_size] this mechanism's tables and their bookkeeping */
    double (*hoc_exp)(double); /* NEURON's hoc_Exp: called for arguments above 700 (it warns) */
} hx_args;

/* current: for each instance in order evaluates BREAKPOINT's currents at v+.001 and at v and
 *   accumulates as NEURON's nrn_cur followed by nrn_jacob would: ion dcurdv and cur, rhs -=/+= i,
 *   d += g (ELECTRODE_CURRENT: opposite signs, and sav_rhs/sav_d), point processes scaled by 1.e2/area.
 * state: BREAKPOINT's SOLVE, then writes ion concentrations back (nrn_state).
 * Both may be called for disjoint ranges from several threads at once. */
typedef void (*hx_hook)(hx_args const*, hx_range const*);

/* Rebuilds the tables if a DEPEND variable changed (NEURON's thread_table_check). Instance 0 supplies
 * RANGE values, as in NEURON. */
typedef void (*hx_table_check)(hx_args const*);

#define HX_TRAIT_DENSITY 1u       /* at most one instance a node */
#define HX_TRAIT_READS_POINTER 2u /* dereferences a POINTER: may read another cell */
#define HX_TRAIT_WRITES_POINTER 4u

typedef struct hx_kernel {
    int abi;               /* HX_ABI_VERSION */
    char const* name;      /* NEURON's mechanism name, "hh" */
    char const* text_hash; /* sha256 hex of the MOD text it was made from */
    char const* isa;       /* "x86-64-v2", "x86-64-v3", "x86-64-v4" */
    unsigned traits;
    int n_field;
    char const* const* field; /* NEURON's column names, only those the kernel uses */
    int const* field_dim;     /* array length, 1 for scalars */
    unsigned char const*
        lean_field; /* [n_field] 1: written before it is read in `current`/`state` and read
                                        by no other block: may be skipped under HX_LEAN */
    unsigned char const*
        written_field; /* [n_field] 1: `current` or `state` stores it (when not lean) */
    int n_ion;
    char const* const* ion;    /* "na_ion", ... */
    unsigned const* ion_read;  /* [n_ion] bit c: reads hx_ion_column c */
    unsigned const* ion_write; /* [n_ion] bit c: stores or accumulates hx_ion_column c */
    int n_pointer;
    char const* const* pointer; /* POINTER names, in dparam order */
    int n_global;
    char const* const* global;  /* hoc names: "ehcn_Ih", "usetable_hh" */
    size_t table_size;          /* doubles */
    hx_hook current;            /* NULL: none */
    hx_hook state;              /* NULL: none */
    hx_table_check table_check; /* NULL: no TABLE */
} hx_kernel;

typedef hx_kernel const* (*hx_kernel_entry)(void); /* "hx_kernel_entry_point" */
typedef int (*hx_kernels_entry)(
    hx_kernel const* const** list); /* "hx_kernels_entry_point": several */

#endif
