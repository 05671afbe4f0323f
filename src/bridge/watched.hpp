// Built-in hoc functions whose calls change what the image copied, or what a step must do.
#pragma once

#include "api.hpp"

namespace heliox {

// Follows calls of ion_style, and of the point sources of old (fstim, fsyn, fclamp) and of Random.play, from now on. Cheap to
// repeat. Nothing else of NEURON is touched: each call is passed on.
HELIOX_API void watch_builtins();

// True once after ion_style was called.
bool take_ion_style_change();
// How often it was.
HELIOX_API unsigned ion_style_calls();

// fstim, fsyn or fclamp was called: NEURON adds their currents inside its own step.
bool uses_old_point_sources();

// Random.play was called: NEURON draws a number for a variable at each step.
bool random_is_played();

} // namespace heliox
