// The names of stdrun.hoc that continuerun's loop is made of.
#pragma once

#include "hoc_procedure.hpp"
#include "nrn_decl.hpp"

namespace heliox {

// A scalar that stdrun.hoc declares at top level.
class HocVariable {
  public:
    explicit HocVariable(char const* name) : name_(name) {}
    // False when it is not there, or is something else by now.
    bool find();
    // the table of top-level data moves when names are added: look each time
    double& value() const {
        return symbol_->subtype == USERDOUBLE ? *symbol_->u.pval
                                              : *hoc_top_level_data[symbol_->u.oboff].pval;
    }

  private:
    char const* name_;
    Symbol* symbol_ = nullptr;
};

// graphList[0..3]: what Plot() draws.
class GraphLists {
  public:
    bool find();
    bool empty() const;

  private:
    Symbol* symbol_ = nullptr;
    cTemplate* template_ = nullptr; // List
    Symbol* count_ = nullptr;       // List.count
};

// An objref of stdrun.hoc that holds a List.
class HocList {
  public:
    explicit HocList(char const* name) : name_(name) {}
    // False when it holds something, or is no List any more.
    bool empty() const;

  private:
    char const* name_;
};

struct Stdrun {
    StdrunProcedure continuerun{"continuerun"};
    StdrunProcedure step{"step"};
    StdrunProcedure advance{"advance"};
    StdrunProcedure plot{"Plot"};
    Symbol* flush_plot = nullptr;
    Symbol* screen_update = nullptr;
    Symbol* fadvance = nullptr;
    HocVariable realtime{"realtime"};
    HocVariable screen_update_interval{"screen_update_invl"};
    HocVariable event_count{"eventcount"};
    HocVariable event_slow{"eventslow"};
    HocVariable steps_per_step{"nstep_steprun"};
    HocVariable using_cvode{"using_cvode_"};
    GraphLists graphs;
    StdrunProcedure own_screen_update{"screen_update"}; // NEURON's, when prepared
    StdrunProcedure own_fast_flush{"fastflushPlot"};
    HocList flush_list{"flush_list"}, fast_flush_list{"fast_flush_list"};

    // Finds everything and compiles NEURON's text of the procedures. False: something is missing.
    bool prepare();
    bool find_variables();
    // step, advance and Plot are NEURON's own, and Plot has nothing to draw.
    bool is_plain();
    // screen_update does nothing that anybody could see: there is no graphical interface, nothing is listed for
    // drawing, and the procedure is NEURON's own.
    bool screen_is_idle();

  private:
    bool knows_screen_update_ = false;
};

} // namespace heliox
