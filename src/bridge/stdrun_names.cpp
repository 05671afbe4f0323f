#include "stdrun_names.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace heliox {
namespace {

std::string stdrun_text() {
    std::ifstream file(std::string(neuron_home ? neuron_home : "") + "/lib/hoc/stdrun.hoc");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

bool HocVariable::find() {
    Symbol const* time = built_in("t");
    symbol_ = hoc_table_lookup(name_, hoc_top_level_symlist);
    return symbol_ && time && symbol_->type == time->type && !symbol_->arayinfo &&
           (symbol_->subtype == NOTUSER || symbol_->subtype == USERDOUBLE);
}

bool GraphLists::find() {
    Symbol const* list = built_in("List");
    Symbol const* cvode = hoc_table_lookup("cvode", hoc_top_level_symlist); // an objref of stdrun
    symbol_ = hoc_table_lookup("graphList", hoc_top_level_symlist);
    if (!list || !symbol_ || !cvode || symbol_->type != cvode->type) {
        return false;
    }
    template_ = list->u.ctemplate;
    count_ = hoc_table_lookup("count", template_->symtable);
    return count_ && symbol_->arayinfo && symbol_->arayinfo->nsub == 1;
}

bool GraphLists::empty() const {
    if (!symbol_->arayinfo || symbol_->arayinfo->sub[0] < 4) {
        return false;
    }
    Object** const lists = hoc_top_level_data[symbol_->u.oboff].pobj;
    auto const return_type = hoc_return_type_code; // count() reports an integer to Python
    bool all = true;
    for (int i = 0; i < 4; ++i) {
        Object* const list = lists[i];
        all = all && list && list->ctemplate == template_ &&
              count_->u.u_proc->defn.pfd_vp(list->u.this_pointer) == 0.;
    }
    hoc_return_type_code = return_type;
    return all;
}

bool HocList::empty() const {
    Symbol const* const list = built_in("List");
    Symbol const* const cvode = hoc_table_lookup("cvode", hoc_top_level_symlist);
    Symbol const* const symbol = hoc_table_lookup(name_, hoc_top_level_symlist);
    Symbol const* const count =
        list ? hoc_table_lookup("count", list->u.ctemplate->symtable) : nullptr;
    if (!count || !cvode || !symbol || symbol->type != cvode->type || symbol->arayinfo) {
        return false;
    }
    Object* const object = *hoc_top_level_data[symbol->u.oboff].pobj;
    auto const return_type = hoc_return_type_code;
    bool const none = object && object->ctemplate == list->u.ctemplate &&
                      count->u.u_proc->defn.pfd_vp(object->u.this_pointer) == 0.;
    hoc_return_type_code = return_type;
    return none;
}

bool Stdrun::screen_is_idle() {
    return !hoc_usegui && knows_screen_update_ && own_screen_update.is_pristine() &&
           own_fast_flush.is_pristine() && graphs.empty() && flush_list.empty() &&
           fast_flush_list.empty();
}

bool Stdrun::prepare() {
    static std::string const text = stdrun_text();
    knows_screen_update_ = own_screen_update.prepare(text) && own_fast_flush.prepare(text);
    fadvance = built_in("fadvance");
    flush_plot = top_level_procedure("flushPlot");
    screen_update = top_level_procedure("screen_update");
    return fadvance && flush_plot && screen_update && continuerun.prepare(text) &&
           step.prepare(text) && advance.prepare(text) && plot.prepare(text) && find_variables();
}

bool Stdrun::find_variables() {
    return realtime.find() && screen_update_interval.find() && event_count.find() &&
           event_slow.find() && steps_per_step.find() && using_cvode.find() && graphs.find();
}

bool Stdrun::is_plain() {
    return step.is_pristine() && advance.is_pristine() && plot.is_pristine() && graphs.empty();
}

} // namespace heliox
