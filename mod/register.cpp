// What nrn_load_dll and `nrniv -dll` call: registers each mechanism whose name is still free.
//
// NEURON ends a program that defines a name twice; a library of the user's own may be there already.

struct Symbol;
extern Symbol* hoc_lookup(char const*);

#define HX_MECHANISMS                                                                              \
    X(heliox_graded_synapse, "HelioxGradedSynapse")                                                \
    X(heliox_graded_synapse_pointer, "HelioxGradedSynapsePointer")                                 \
    X(heliox_gap_junction, "HelioxGapJunction")                                                    \
    X(heliox_gap_junction_pointer, "HelioxGapJunctionPointer")

#define X(file, name) extern "C" void _##file##_reg();
HX_MECHANISMS
#undef X

extern "C" __attribute__((visibility("default"))) void modl_reg() {
#define X(file, name)                                                                              \
    if (!hoc_lookup(name)) {                                                                       \
        _##file##_reg();                                                                           \
    }
    HX_MECHANISMS
#undef X
}
