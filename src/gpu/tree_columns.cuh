// Where a block's d, rhs, a and b lie (tree.cuh: columns_in).
#pragma once

namespace hx {

struct TreeColumns {
    double *d, *rhs, *a, *b;
};

} // namespace hx
