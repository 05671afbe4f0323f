#include "gate.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "neuron_model.hpp"
#include "structure.hpp"

namespace heliox {
namespace {

constexpr int kInstances =
    512;                     // at most so many instances are compared, so that a freeze stays quick
constexpr int kPoints = 600; // voltages to visit in all, at least

// Memory that a hook may change: kept, put back, compared. All of [0, n), or the given rows only (a few
// instances of a large model touch few of its nodes).
struct Span {
    std::string name;
    double* data;
    size_t n;
    bool compared;
    std::vector<int> rows;

    double& at(size_t i) const { return data[rows.empty() ? i : (size_t)rows[i]]; }
};

Span row_span(std::string name, double* data, bool compared, std::vector<int> rows) {
    size_t const n = rows.size();
    return {std::move(name), data, n, compared, std::move(rows)};
}

using Image = std::vector<std::vector<double>>;

Image keep(std::vector<Span> const& spans) {
    Image image;
    for (auto const& span: spans) {
        image.emplace_back(span.n);
        for (size_t i = 0; i < span.n; ++i) {
            image.back()[i] = span.at(i);
        }
    }
    return image;
}

void put_back(std::vector<Span> const& spans, Image const& image) {
    for (size_t i = 0; i < spans.size(); ++i) {
        for (size_t k = 0; k < spans[i].n; ++k) {
            spans[i].at(k) = image[i][k];
        }
    }
}

// Puts the columns and the instance count back however the comparison ends (a hoc error is an exception).
class Restore {
  public:
    Restore(std::vector<Span> const& spans, Memb_list& ml)
        : spans_(spans), ml_(ml), nodecount_(ml.nodecount), image_(keep(spans)) {}
    ~Restore() {
        ml_.nodecount = nodecount_;
        put_back(spans_, image_);
    }
    Image const& image() const { return image_; }

  private:
    std::vector<Span> const& spans_;
    Memb_list& ml_;
    int nodecount_;
    Image image_;
};

class Comparison {
  public:
    Comparison(neuron::model_sorted_token const& token, NrnThread& nt, ThreadImage& thread,
               MechanismImage& mechanism, Memb_list& ml)
        : token_(token), nt_(nt), thread_(thread), mechanism_(mechanism),
          kernel_(*mechanism.use->kernel), ml_(ml), n_(std::min(mechanism.n, kInstances)) {
        list_spans();
    }

    // "" or what differs first.
    std::string run() {
        Restore restore(spans_, ml_);
        ml_.nodecount = n_;
        prepare_args();
        int const passes = 2 + (kPoints + n_ - 1) / n_;
        for (int pass = 0; pass < std::min(passes, 66); ++pass) {
            put_back(spans_, restore.image());
            visit(pass, passes);
            start_ = keep(spans_);
            std::string why;
            if (memb_func[mechanism_.type].current) {
                why = compare("current", [&] { neuron_current(); }, kernel_.current);
            }
            if (why.empty() && memb_func[mechanism_.type].state) {
                why = compare("state", [&] { neuron_state(); }, kernel_.state);
            }
            if (!why.empty()) {
                return why;
            }
        }
        return "";
    }

  private:
    void list_spans() {
        int const type = mechanism_.type;
        auto* const* columns = neuron::mechanism::get_data_ptrs<double>(type);
        auto const* dims = neuron::mechanism::get_array_dims<double>(type);
        int const n_field = neuron::mechanism::get_field_count<double>(type);
        for (int f = 0; f < n_field; ++f) {
            double* const base = columns[f] + ml_.get_storage_offset() * dims[f];
            Span span{"", base, (size_t)n_ * dims[f], false, {}};
            for (int k = 0; k < kernel_.n_field; ++k) {
                if (mechanism_.column[k] == base) {
                    span.name = kernel_.field[k];
                    span.compared = kernel_.written_field[k] != 0;
                    writable_.push_back(
                        {(int)spans_.size(), kernel_.lean_field[k] == 0 && span.compared});
                }
            }
            spans_.push_back(span);
        }
        for (int k = 0; k < kernel_.n_ion; ++k) {
            for (auto& ion: thread_.ions) {
                if (ion.name != kernel_.ion[k]) {
                    continue;
                }
                auto const rows = distinct(mechanism_.ion_row[k].data());
                char const* const what[HX_ION_N] = {"erev", "conci", "conco", "cur", "dcurdv"};
                for (int c = 0; c < HX_ION_N; ++c) {
                    spans_.push_back(row_span(ion.name + " " + what[c], ion.column[c], true, rows));
                }
            }
        }
        auto const rows = distinct(mechanism_.node);
        NodeColumns const& node = thread_.node;
        node_rows_ = rows;
        spans_.push_back(row_span("v", node.v, false, rows));
        spans_.push_back(row_span("rhs", node.rhs, true, rows));
        spans_.push_back(row_span("d", node.d, true, rows));
        if (node.sav_rhs) {
            spans_.push_back(row_span("sav_rhs", node.sav_rhs, true, rows));
            spans_.push_back(row_span("sav_d", node.sav_d, true, rows));
        }
        for (int k = 0; k < kernel_.n_global; ++k) {
            spans_.push_back({kernel_.global[k], mechanism_.global[k], 1, thread_.id == 0, {}});
        }
    }

    std::vector<int> distinct(int const* row) const {
        std::vector<int> rows(row, row + n_);
        std::sort(rows.begin(), rows.end());
        rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
        return rows;
    }

    void prepare_args() {
        args_ = mechanism_.args;
        args_.t = nt_._t;
        args_.dt = nt_._dt;
        args_.celsius = celsius;
        args_.flags = 0;
        args_.lean_ion = 0;
        args_.node_row = mechanism_.node;
        args_.v = thread_.node.v;
        args_.area = thread_.node.area;
        args_.rhs = thread_.node.rhs;
        args_.d = thread_.node.d;
        args_.sav_rhs = thread_.node.sav_rhs;
        args_.sav_d = thread_.node.sav_d;
        if (kernel_.table_check) {
            kernel_.table_check(&args_);
        }
    }

    // Pass 0: as the model is. Then voltages spread over the range, in odd passes with states moved too.
    void visit(int pass, int passes) {
        NodeColumns const& node = thread_.node;
        for (int row: node_rows_) {
            node.rhs[row] = 0.25 * (row % 7);
            node.d[row] = 0.5 * (row % 5);
        }
        if (pass == 0) {
            return;
        }
        for (int i = 0; i < n_; ++i) {
            double const share =
                std::fmod((i + 0.37) / n_ + (double)(pass - 1) / (passes * n_), 1.0);
            node.v[mechanism_.node[i]] = -110.0 + 180.0 * share + 1e-3 * pass;
        }
        if (pass % 2 == 1) {
            for (auto const& [span, state]: writable_) {
                for (size_t i = 0; state && i < spans_[span].n; ++i) {
                    spans_[span].data[i] = std::fmod(0.618033988749895 * (i + 1) + 0.1 * span, 1.0);
                }
            }
        }
    }

    void neuron_current() {
        auto& function = memb_func[mechanism_.type];
        function.current(token_, &nt_, &ml_, mechanism_.type);
        if (function.jacob) {
            function.jacob(token_, &nt_, &ml_, mechanism_.type);
        }
    }

    void neuron_state() { memb_func[mechanism_.type].state(token_, &nt_, &ml_, mechanism_.type); }

    // Runs NEURON's function and the kernel from the same start; both through the index arrays and, for
    // the part where rows are consecutive, through unit strides.
    template <class Function>
    std::string compare(char const* what, Function function, hx_hook hook) {
        put_back(spans_, start_);
        function();
        Image const expected = keep(spans_);
        for (int consecutive = 0; consecutive < 2; ++consecutive) {
            put_back(spans_, start_);
            if (hook) {
                call(hook, consecutive != 0);
            }
            std::string const why = differs(what, expected);
            if (!why.empty()) {
                return why;
            }
        }
        return "";
    }

    bool joins(int i) const {
        bool all = mechanism_.node[i] == mechanism_.node[i - 1] + 1;
        for (auto const& rows: mechanism_.ion_row) {
            all = all && rows[i] == rows[i - 1] + 1;
        }
        return all;
    }

    void call(hx_hook hook, bool consecutive) {
        if (!consecutive) {
            hx_range const range{0, n_, 0};
            args_.flags = HX_LAST;
            hook(&args_, &range);
            return;
        }
        for (int i = 0; i < n_;) {
            int end = i + 1;
            while (end < n_ && joins(end)) {
                ++end;
            }
            hx_range const range{i, end, 1};
            args_.flags = end == n_ ? HX_LAST : 0;
            hook(&args_, &range);
            i = end;
        }
    }

    std::string differs(char const* what, Image const& expected) const {
        for (size_t s = 0; s < spans_.size(); ++s) {
            auto const& span = spans_[s];
            for (size_t i = 0; span.compared && i < span.n; ++i) {
                double const got = span.at(i), wanted = expected[s][i];
                bool const both_nan = std::isnan(got) && std::isnan(wanted);
                if (!both_nan && std::memcmp(&got, &wanted, sizeof(double)) != 0) {
                    char text[200];
                    std::snprintf(text, sizeof text,
                                  "%s of its %s differs: %.17g, NEURON %.17g (row %zu)",
                                  span.name.c_str(), what, got, wanted, i);
                    return text;
                }
            }
        }
        return "";
    }

    neuron::model_sorted_token const& token_;
    NrnThread& nt_;
    ThreadImage& thread_;
    MechanismImage& mechanism_;
    hx_kernel const& kernel_;
    Memb_list& ml_;
    int n_;
    std::vector<Span> spans_;
    std::vector<std::pair<int, bool>> writable_; // span, is it a state (kept from step to step)
    std::vector<int> node_rows_;
    Image start_;
    hx_args args_{};
};

// NEURON's derivimplicit heeds secondorder, kernels do not; states at rest would not show it.
bool solves_with_secondorder(int type) {
    char const* const text = nrn_nmodl_text_[type];
    return secondorder && text && std::strstr(text, "derivimplicit");
}

} // namespace

std::vector<std::pair<int, std::string>> gate_new_kernels(Model& model,
                                                          neuron::model_sorted_token const& token) {
    std::vector<std::pair<int, std::string>> rejected;
    for (size_t i = 0; i < model.threads.size(); ++i) {
        NrnThread& nt = nrn_threads[i];
        for (auto& mechanism: model.threads[i].mechanisms) {
            if (!mechanism.use || mechanism.use->checked == secondorder || mechanism.n == 0) {
                continue;
            }
            Comparison comparison(token, nt, model.threads[i], mechanism,
                                  *memb_list_of(nt, mechanism.type));
            try {
                mechanism.use->rejected = solves_with_secondorder(mechanism.type)
                                              ? "METHOD derivimplicit with secondorder"
                                              : comparison.run();
            } catch (
                std::exception const& error) { // a solver that finds nothing at our test values
                mechanism.use->rejected =
                    std::string("NEURON's own function stops: ") + error.what();
            }
            mechanism.use->checked = secondorder;
            if (!mechanism.use->rejected.empty()) {
                rejected.emplace_back(mechanism.type, mechanism.use->rejected);
            }
        }
    }
    return rejected;
}

} // namespace heliox
