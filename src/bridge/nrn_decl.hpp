// NEURON's exported functions and variables that the wheel's headers do not declare, for the hooks.
//
// Checked at load by version_gate.cpp; NEURON 9.0 only.
#pragma once

#include <hocdec.h>
#include <multicore.h>
#include <nrn_ansi.h>

extern double t, dt;
extern double hoc_epsilon; // hoc's comparisons of numbers allow this much
extern int stoprun;
extern int cvode_active_;
extern int tree_changed, v_structure_change, diam_changed;
extern int hoc_returning;
extern int hoc_usegui;
extern int hoc_intset; // Ctrl-C seen by NEURON's own handler
extern char* neuron_home;

extern void fadvance();
extern void batch_run();
extern double nrn_hoc2fixed_step(void*);
extern void ncs2nrn_integrate(double);
extern void nrn_fixed_step_lastpart(neuron::model_sorted_token const&, NrnThread&);
extern void setup_topology();
extern void v_setup_vectors();
extern void recalc_diam();
extern double nrn_time(); // also what stopsw() counts from
extern void hoc_procret();
extern void hoc_object_component(); // the instruction behind object.member
extern Symbol* hoc_lookup(char const*);
extern Symbol* hoc_table_lookup(char const*, Symlist*);
extern int ifarg(int);

enum class HocReturnType { floating = 0, integer = 1, boolean = 2 };
extern HocReturnType hoc_return_type_code; // how Python is to see a method's number

namespace heliox {

constexpr int HOC_STOP = 4;            // hoc_returning: hoc's `stop` unwinds everything
constexpr int STOP_AT_TSTOP = 1 << 15; // the bit of stoprun that each advance clears

} // namespace heliox
