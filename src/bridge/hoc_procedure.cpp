#include "hoc_procedure.hpp"

#include <cctype>
#include <cstring>
#include <exception>
#include <utility>

namespace heliox {
namespace {

// Past a comment or string that starts at `at`; `at` itself if none does.
std::size_t skip_opaque(std::string const& text, std::size_t at) {
    if (text.compare(at, 2, "//") == 0) {
        return text.find('\n', at);
    }
    if (text.compare(at, 2, "/*") == 0) {
        auto const end = text.find("*/", at + 2);
        return end == std::string::npos ? end : end + 2;
    }
    if (text[at] == '"') {
        for (++at; at < text.size() && text[at] != '"'; ++at) {
            if (text[at] == '\\') {
                ++at;
            }
        }
        return at < text.size() ? at + 1 : std::string::npos;
    }
    return at;
}

// "() {...}" of the last `proc name` in the text; empty if there is none.
std::string body_of(std::string const& text, std::string const& name) {
    auto const start = text.rfind("\nproc " + name + "(");
    if (start == std::string::npos) {
        return {};
    }
    auto const begin = text.find('(', start);
    int depth = 0;
    for (auto at = begin; at < text.size();) {
        auto const after = skip_opaque(text, at);
        if (after == std::string::npos) {
            break;
        }
        if (after != at) {
            at = after;
            continue;
        }
        if (text[at] == '{') {
            ++depth;
        }
        if (text[at] == '}' && --depth == 0) {
            return text.substr(begin, at + 1 - begin);
        }
        ++at;
    }
    return {};
}

// hoc's token values are in no header of the wheel: taken from a procedure of known contents.
struct TokenTypes {
    int procedure = -1;
    int number = -1;
    int local = -1;
};

TokenTypes find_token_types() {
    TokenTypes types;
    if (!run_hoc("proc heliox_probe_() {local x  x = 3.25 }\n")) {
        return types;
    }
    Symbol const* probe = hoc_table_lookup("heliox_probe_", hoc_top_level_symlist);
    if (!probe || !probe->u.u_proc || !probe->u.u_proc->list) {
        return types;
    }
    Symbol const* const local = hoc_table_lookup("x", probe->u.u_proc->list);
    Symbol const* constant = probe->u.u_proc->list->first;
    if (constant == local) {
        constant = constant->next;
    }
    if (!local || !constant || *constant->u.pnum != 3.25) {
        return types;
    }
    types.procedure = probe->type;
    types.number = constant->type;
    types.local = local->type;
    return types;
}

TokenTypes const& token_types() {
    static TokenTypes const types = find_token_types();
    return types;
}

// A symbol of a procedure's own list: a constant or a local variable. Null if it is not one.
Symbol const* own_symbol(Proc const& code, Symbol const* wanted) {
    for (auto const* s = code.list ? code.list->first : nullptr; s; s = s->next) {
        if (s == wanted) {
            return s;
        }
    }
    return nullptr;
}

bool is_comparable(Symbol const& symbol) {
    return symbol.type == token_types().number || symbol.type == token_types().local;
}

// The constant's value, or the local variable's place on the stack.
double content(Symbol const& symbol) {
    return symbol.type == token_types().number ? *symbol.u.pnum : symbol.u.u_auto;
}

} // namespace

bool run_hoc(std::string const& text) {
    // hoc_obj_run leaves the context of a template's procedure, but not when an error passes
    // through it
    auto* const object = hoc_thisobject;
    auto* const data = hoc_objectdata_save();
    auto* const symbols = hoc_symlist;
    try {
        return hoc_obj_run(text.c_str(), nullptr) == 0;
    } catch (std::exception const&) {
        hoc_thisobject = object;
        hoc_objectdata = hoc_objectdata_restore(data);
        hoc_symlist = symbols;
        return false;
    }
}

Symbol* built_in(char const* name) {
    Symbol* const symbol = hoc_table_lookup(name, hoc_built_in_symlist);
    return symbol ? symbol : hoc_table_lookup(name, hoc_top_level_symlist);
}

Symbol* top_level_procedure(char const* name) {
    Symbol* symbol = hoc_table_lookup(name, hoc_top_level_symlist);
    if (!symbol || symbol->type != token_types().procedure) {
        return nullptr;
    }
    return symbol->u.u_proc && symbol->u.u_proc->defn.in != STOP ? symbol : nullptr;
}

bool StdrunProcedure::prepare(std::string const& stdrun_text) {
    symbol_ = top_level_procedure(name_);
    if (!symbol_) {
        return false;
    }
    if (reference_) {
        return true;
    }
    std::string const body = body_of(stdrun_text, name_);
    std::string const other_name = std::string("heliox_pristine_") + name_ + "_";
    if (body.empty() || !run_hoc("proc " + other_name + body + "\n")) {
        return false;
    }
    reference_ = top_level_procedure(other_name.c_str());
    return reference_ != nullptr;
}

bool StdrunProcedure::is_pristine() {
    if (!symbol_ || symbol_->type != token_types().procedure) {
        return false;
    }
    Proc const& code = *symbol_->u.u_proc;
    return unchanged(code) || equals_reference(code);
}

bool StdrunProcedure::unchanged(Proc const& code) const {
    // A redefinition frees the old code, and the new one often lies at the same address: compare
    // contents.
    Proc const& reference = *reference_->u.u_proc;
    if (code.size != words_.size() || code.nauto != reference.nauto ||
        code.nobjauto != reference.nobjauto ||
        std::memcmp(code.defn.in, words_.data(), words_.size() * sizeof(Inst)) != 0) {
        return false;
    }
    for (auto const& [symbol, type, value]: own_symbols_) {
        if (symbol->type != type || content(*symbol) != value) {
            return false;
        }
    }
    return true;
}

bool StdrunProcedure::equals_reference(Proc const& code) {
    Proc const& reference = *reference_->u.u_proc;
    if (code.size != reference.size || code.nauto != reference.nauto ||
        code.nobjauto != reference.nobjauto) {
        return false;
    }
    // object.member remembers the last template it met: its operands 4 and 5 change as the code
    // runs
    constexpr unsigned long MEMORY_BEGIN = 4, MEMORY_END = 6;
    unsigned long component = code.size;
    std::vector<OwnSymbol> own_symbols;
    for (unsigned long i = 0; i < code.size; ++i) {
        if (reference.defn.in[i].pf == &hoc_object_component) {
            component = i;
        }
        if (i >= component + MEMORY_BEGIN && i < component + MEMORY_END) {
            continue;
        }
        Inst const word = code.defn.in[i];
        Inst const wanted = reference.defn.in[i];
        if (word.ptr == wanted.ptr) {
            continue;
        }
        auto const* symbol = own_symbol(code, word.sym);
        auto const* wanted_symbol = own_symbol(reference, wanted.sym);
        if (!symbol || !wanted_symbol || !is_comparable(*symbol) ||
            symbol->type != wanted_symbol->type || content(*symbol) != content(*wanted_symbol)) {
            return false;
        }
        own_symbols.push_back({symbol, symbol->type, content(*symbol)});
    }
    words_.assign(code.defn.in, code.defn.in + code.size);
    own_symbols_ = std::move(own_symbols);
    return true;
}

} // namespace heliox
