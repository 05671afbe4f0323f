// The part of _core that a device engine written in Python uses.
#pragma once

#include <pybind11/pybind11.h>

void bind_device(pybind11::module_& m); // all of it
void bind_device_columns(pybind11::module_& m);
void bind_device_network(pybind11::module_& m);
void bind_device_window(pybind11::module_& m);
void bind_device_engine(pybind11::module_& m);
