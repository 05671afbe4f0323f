// NEURON's model and network as the freeze reads them: declarations that the wheel's headers lack.
//
// Layouts of NEURON 9.0 (nrncvode/netcon.h, nrncvode/vrecitem.h), only as far as the fields that are read.
// The version gate refuses other versions.
#pragma once

#include <hocdec.h>
#include <membfunc.h>
#include <multicore.h>
#include <nrn_ansi.h>

#include <neuron/container/data_handle.hpp>
#include <neuron/container/generic_data_handle.hpp>
#include <vector>

extern double t, dt, celsius;
extern int secondorder;
extern int stoprun;
extern int cvode_active_;
extern int tree_changed, v_structure_change, diam_changed;
extern int structure_change_cnt, diam_change_cnt;
extern int use_sparse13;
extern double* nrn_mech_wtime_;
extern bool nrn_use_fast_imem;
extern short* nrn_is_artificial_;
extern char const** nrn_nmodl_text_;
extern void (*nrn_multisplit_setup_)();
extern void (*nrn_allthread_handle)();
extern void (*nrnthread_v_transfer_)(NrnThread*);
extern void (*nrnmpi_v_transfer_)();
extern void (*nrnthread_vi_compute_)(NrnThread*);
extern int (*nrn_nonvint_block)(int, int, double*, double*, int);

extern void deliver_net_events(NrnThread*);
extern void nrn_deliver_events(NrnThread*);
extern void nrn_extra_scatter_gather(int direction, int tid);
extern void fixed_record_continuous(neuron::model_sorted_token const&, NrnThread&);
extern double nrn_nernst_coef(int type);
extern double nrn_ion_charge(Symbol*);
extern double hoc_Exp(double);
extern bool nrndae_list_is_empty();
extern Symbol* hoc_lookup(char const*);
extern char const* secname(Section*);

extern int (*nrnpy_hoccommand_exec)(Object*);

namespace neuron {
namespace python {
struct impl_ptrs;
extern impl_ptrs methods; // pointers to functions, see observe.cpp
} // namespace python
extern int interleave_permute_type;
} // namespace neuron

class TQueue;
struct TQItem;
extern TQueue* net_cvode_instance_event_queue(NrnThread*);

// Event queue, nrncvode/tqueue.hpp and tqitem.hpp: only what counting events by kind needs.
struct PreSyn;
struct PlayRecord;
extern std::vector<PreSyn*>* net_cvode_instance_psl();
extern std::vector<PlayRecord*>* net_cvode_instance_prl();

namespace heliox {

// The leading part of a PlayRecord (Vector.record, Vector.play, graphs).
struct PlayRecordView {
    void* vtable;
    neuron::container::data_handle<double> variable;
    Object* owner;
    void* cvode;
    int thread;
};

// The leading part of a PreSyn (the source of NetCons).
struct PreSynView {
    void* vtable;
    double valold, told, valthresh;
    void* qthresh;
    bool flag;
    std::vector<void*> netcons;
    double threshold;
    double delay;
    neuron::container::data_handle<double> variable;
    Object* source_object;
    Section* source_section;
    void* times;
    void* ids;
    void* statement;
    NrnThread* thread;
    void* threshold_item;
    long index;
    int use_min_delay, record_id, output_index, gid;
};

} // namespace heliox
