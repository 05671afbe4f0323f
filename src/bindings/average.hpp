// Window averages (src/bridge/average.hpp).
#pragma once

#include <pybind11/pybind11.h>

void bind_average(pybind11::module_& m);
