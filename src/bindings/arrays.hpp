// NumPy arrays for the device bridge.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <vector>

namespace heliox {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
py::array_t<T> copied(T const* data, size_t n) {
    return py::array_t<T>((py::ssize_t)n, data);
}

template <class T>
py::array_t<T> copied(std::vector<T> const& values) {
    return copied(values.data(), values.size());
}

inline py::array_t<double> view(double* data, long n, int dim = 1) {
    if (dim == 1) {
        return py::array_t<double>({n}, {8}, data, py::none());
    }
    return py::array_t<double>({n, (long)dim}, {8L * dim, 8L}, data, py::none());
}

// A member of each element as an array.
template <class T, class Items, class Member>
py::array_t<T> column(Items const& items, Member member) {
    py::array_t<T> result((py::ssize_t)items.size());
    T* out = result.mutable_data();
    for (auto const& item: items) {
        *out++ = (T)member(item);
    }
    return result;
}

} // namespace heliox
