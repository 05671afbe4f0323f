// Per-instruction-set entry of ion.cpp.
#pragma once

namespace heliox {

#define HX_DECLARE_NERNST(NS)                                                                      \
    namespace NS {                                                                                 \
    void nernst_rows(double* erev, double const* conci, double const* conco, int const* rows,      \
                     int n, double coefficient);                                                   \
    }
HX_DECLARE_NERNST(v2)
HX_DECLARE_NERNST(v3)
HX_DECLARE_NERNST(v4)
HX_DECLARE_NERNST(generic)
#undef HX_DECLARE_NERNST

} // namespace heliox
