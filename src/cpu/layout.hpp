// Arranging a thread's image for the step: stages, slots, and the ranges each block hands to the kernels.
#pragma once

#include "image.hpp"

namespace heliox {

// Fills all of the thread's derived parts: stages, slots (when no mechanism is a barrier), ranges, the
// ions' shares of the blocks. mechanisms, ions and blocks must be there.
void lay_out(ThreadImage& thread);

} // namespace heliox
