// Flags of a window of steps.
#pragma once

#define HX_WHOLE_LAST 1  // the last step stores what only the interpreter reads
#define HX_WHOLE_ALL 2   // every step does
#define HX_DETECT_LAST 4 // thresholds are tested after the last step too: the next step follows
