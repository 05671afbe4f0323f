#include "device_columns.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

namespace heliox {
namespace {

constexpr long kPiece = 1L << 15;    // doubles
constexpr long kAlone = 1L << 18;    // below this a thread costs more than it saves
constexpr unsigned kMostThreads = 8; // memory is the limit

struct Piece {
    int column;
    long first, n;
};

std::vector<Piece> pieces_of(std::vector<DeviceColumn> const& columns, long& total) {
    std::vector<Piece> pieces;
    total = 0;
    for (size_t c = 0; c < columns.size(); ++c) {
        for (long first = 0; first < columns[c].n; first += kPiece) {
            pieces.push_back({(int)c, first, std::min(kPiece, columns[c].n - first)});
        }
        total += columns[c].n;
    }
    return pieces;
}

// work(piece) for each, in any order.
template <class Work>
void share_out(std::vector<DeviceColumn> const& columns, Work const& work) {
    long total = 0;
    auto const pieces = pieces_of(columns, total);
    std::atomic<size_t> next{0};
    auto const some = [&] {
        for (size_t i = next++; i < pieces.size(); i = next++) {
            work(pieces[i]);
        }
    };
    unsigned const n_thread =
        total < kAlone ? 1
                       : std::max(1u, std::min(kMostThreads, std::thread::hardware_concurrency()));
    std::vector<std::thread> others;
    for (unsigned i = 1; i < n_thread; ++i) {
        others.emplace_back(some);
    }
    some();
    for (auto& other: others) {
        other.join();
    }
}

} // namespace

std::vector<int> device_take_over(std::vector<DeviceColumn> const& columns) {
    std::vector<std::atomic<char>> changed(columns.size());
    share_out(columns, [&](Piece const& piece) {
        DeviceColumn const& column = columns[piece.column];
        double* const copy = column.copy + piece.first;
        double const* const host = column.host + piece.first;
        if (std::memcmp(copy, host, 8 * piece.n) != 0) {
            std::memcpy(copy, host, 8 * piece.n);
            changed[piece.column] = 1;
        }
    });
    std::vector<int> which;
    for (size_t c = 0; c < columns.size(); ++c) {
        if (changed[c]) {
            which.push_back((int)c);
        }
    }
    return which;
}

void device_give_back(std::vector<DeviceColumn> const& columns) {
    share_out(columns, [&](Piece const& piece) {
        DeviceColumn const& column = columns[piece.column];
        std::memcpy(column.host + piece.first, column.copy + piece.first, 8 * piece.n);
    });
}

} // namespace heliox
