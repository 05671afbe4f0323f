// The object `heliox` for NEURON without Python (`nrniv -dll libheliox.so model.hoc`).
#pragma once

namespace heliox {

// Compiles the hoc template HelioX and makes `objref heliox`, unless that name is already taken.
// `heliox.enable` then is settings().enable itself.
void define_hoc_object();

// Copies the object's other members into settings(). Raises HX030, HX031, HX081 as hoc errors.
// Nothing happens where Python provides the object.
void read_hoc_object();

} // namespace heliox
