#include "watched.hpp"

#include "neuron_model.hpp"

namespace heliox {
namespace {

bool ion_style_called_ = false;
bool old_sources_called_ = false;
unsigned ion_style_calls_ = 0;

struct Watched {
    char const* name;
    Pfrv replacement;
    Pfrv original = nullptr;
};

template <int Index, bool* Flag>
void follow();

Watched watched_[] = {{"ion_style", &follow<0, &ion_style_called_>},
                      {"fstim", &follow<1, &old_sources_called_>},
                      {"fsyn", &follow<2, &old_sources_called_>},
                      {"fclamp", &follow<3, &old_sources_called_>}};

template <int Index, bool* Flag>
void follow() {
    *Flag = true;
    ion_style_calls_ += Flag == &ion_style_called_;
    watched_[Index].original();
}

bool random_play_called_ = false;
double (*random_play_)(void*) = nullptr;

double follow_random_play(void* random) {
    random_play_called_ = true;
    return random_play_(random);
}

void watch_random_play() {
    Symbol* const random = random_play_ ? nullptr : hoc_lookup("Random");
    Symbol* const play = random && random->u.ctemplate
                             ? hoc_table_lookup("play", random->u.ctemplate->symtable)
                             : nullptr;
    if (play && play->u.u_proc && play->u.u_proc->defn.pfd_vp) {
        random_play_ = play->u.u_proc->defn.pfd_vp;
        play->u.u_proc->defn.pfd_vp = follow_random_play;
    }
}

} // namespace

void watch_builtins() {
    watch_random_play();
    for (auto& watched: watched_) {
        Symbol* const symbol = watched.original ? nullptr : hoc_lookup(watched.name);
        if (symbol && symbol->u.u_proc && symbol->u.u_proc->defn.pf) {
            watched.original = symbol->u.u_proc->defn.pf;
            symbol->u.u_proc->defn.pf = watched.replacement;
        }
    }
}

bool take_ion_style_change() {
    bool const called = ion_style_called_;
    ion_style_called_ = false;
    return called;
}

unsigned ion_style_calls() { return ion_style_calls_; }

bool uses_old_point_sources() { return old_sources_called_; }

bool random_is_played() { return random_play_called_; }

} // namespace heliox
