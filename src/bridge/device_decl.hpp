// NEURON's event queue, events and records as the device bridge reads them.
//
// Layouts of NEURON 9.0 (nrncvode/tqueue.hpp, netcon.h, vrecitem.h, netcvode.h), only as far as the fields
// that are read; device_records.cpp and device_window.cpp compare them with what NEURON's functions answer.
#pragma once

#include <nrniv_mf.h>
#include <section_fwd.hpp>

#include <vector>

#include "neuron_model.hpp"

class NetCvode {
  public:
    bool deliver_event(double til, NrnThread*); // one event, if the next one is due
};

struct PreSyn {
    void send(double t, NetCvode*, NrnThread*);
};

class HocEvent {
  public:
    void deliver(double t, NetCvode*, NrnThread*);
};

class NetParEvent {
  public:
    void deliver(double t, NetCvode*, NrnThread*);
};

struct TQItem {
    void* data;
    double t;
    void *left, *right, *parent;
    int bin;
};

// No virtual function is declared: the object's own table stands in the first member.
class TQueue {
  public:
    TQItem* insert(double t, void* data);
    void remove(TQItem*);
    void move(TQItem*, double t);
    void release(TQItem*);
    void forall_callback(void (*)(TQItem const*, int));

    void* vtable;
    int n_shift;
    void *tree, *bins;
    TQItem* least; // outside the tree
};

// A WATCH: its own part follows those of ConditionEvent and of a list's element.
class WatchCondition {
  public:
    void* vtable;
    double valold, told, valthresh;
    TQItem* qthresh;
    bool flag; // above, as the last test found
    void *list_vtable, *list_object, *next, *previous;
    double net_receive_flag;
    Point_process* point;
    double (*condition)(Point_process*);
    int index; // in dparam
};

extern NetCvode* net_cvode_instance;
extern bool nrn_use_bin_queue_;
extern int nrn_use_selfqueue_;
extern int nrnmpi_numprocs;
extern void _nrn_watch_activate(Datum*, double (*)(Point_process*), int, Point_process*, int,
                                double);
extern "C" void nrn2core_transfer_WATCH(void (*)(int thread, int type, int instance, int index,
                                                 int triggered));
extern "C" void nrn_random_play();

namespace heliox {

constexpr int kPointer = -5; // of hoc's dparam_semantics

// The leading part of NEURON's Vector.
struct VectorView {
    Object* object;
    char* label;
    std::vector<double> elements;
};

struct NetCvodeView {
    void* vtable;
    std::vector<PlayRecord*>* plays;   // each step, at t + dt/2 and t + dt
    std::vector<PlayRecord*>* records; // each step, after the states
};

struct NetConView {
    void* vtable;
    double delay;
    PreSyn* source;
    Point_process* target;
    double* weight;
    Object* object;
    int n_weight;
    bool active;
};

struct SelfEventView {
    void* vtable;
    double flag;
    Point_process* target;
    double* weight;
};

struct HocEventView {
    void* vtable;
    void* statement;
    Object* point_process;
};

struct PlayRecordEventView {
    void* vtable;
    PlayRecord* record;
};

struct VecRecordView : PlayRecordView {
    VectorView* y;
};

struct VecRecordDiscreteView : VecRecordView {
    VectorView* t;
    PlayRecordEventView* event;
};

struct VecRecordDtView : VecRecordView {
    double interval;
    PlayRecordEventView* event;
};

struct VecPlayStepView : VecRecordView {
    VectorView* t;
    double interval;
    int current;
    PlayRecordEventView* event;
    void* statement;
};

struct VecPlayContinuousView : VecRecordView {
    VectorView *t, *discontinuities;
    int last, discontinuity, upper;
    PlayRecordEventView* event;
    void* statement;
};

// The dynamic type of a NEURON object, found once per type by the name its type information has.
enum class NeuronClass {
    other,
    net_con,
    self_event,
    pre_syn,
    hoc_event,
    net_par_event,
    play_record_event,
    y_record,
    t_record,
    record_dt,
    record_discrete,
    play_step,
    play_continuous,
    graph_line,
    graph_vector,
};
NeuronClass class_of(void const* object);

} // namespace heliox
