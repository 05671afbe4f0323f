// Is a hoc procedure still the one that NEURON's stdrun.hoc defines?
#pragma once

#include <string>
#include <vector>

#include "nrn_decl.hpp"

namespace heliox {

// Runs hoc text at top level, whatever object is executing. False on an error, which is not raised.
bool run_hoc(std::string const& text);

// A name that NEURON itself defines, or null.
Symbol* built_in(char const* name);

// The symbol of a top-level procedure, or null.
Symbol* top_level_procedure(char const* name);

class StdrunProcedure {
  public:
    explicit StdrunProcedure(char const* name) : name_(name) {}

    // Compiles NEURON's own text of it under another name. False when that is not possible.
    bool prepare(std::string const& stdrun_text);
    Symbol* symbol() const { return symbol_; }

    // True while the procedure's code equals that of NEURON's text. May be asked at every step.
    bool is_pristine();

  private:
    bool equals_reference(Proc const& code);
    bool unchanged(Proc const& code) const;

    char const* name_;
    Symbol* symbol_ = nullptr;
    Symbol* reference_ = nullptr;
    struct OwnSymbol {
        Symbol const* symbol;
        int type;
        double content;
    };
    // the code last found equal: its instructions, and the constants and locals they refer to
    std::vector<Inst> words_;
    std::vector<OwnSymbol> own_symbols_;
};

} // namespace heliox
