// What libheliox shows to the Python layer; everything else is hidden.
#pragma once

#ifndef HELIOX_API
#define HELIOX_API __attribute__((visibility("default")))
#endif
