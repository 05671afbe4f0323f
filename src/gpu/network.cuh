// Spikes fan out on the device: what is due in a window of steps becomes rows beside the host's events.
//
// The host knows which spikes are in flight, and of each which NetCons are due in the window: NetCons of a source lie by
// delay, so that is a range. These kernels count what comes to each block, make room behind the block's events
// of the host, and put both in one order: by step and target, at one target by time, the host's first, then by
// spike and NetCon. Before them nothing depends on which thread came first; after them neither.
#pragma once

namespace hx {

constexpr int kKindShift = 32, kStepShift = 44; // of due_key: step, kind of event, instance

// The window's step in which an event is due (events.cuh): the first one whose deliveries reach it.
HX_DEVICE int step_of(double te, int n_step) {
    int low = 0, high = n_step;
    while (low < high) {
        int const middle = (low + high) / 2;
        if (te <= hx_model.due_until[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

// Whether row p of the due rows comes before row q.
HX_DEVICE bool comes_before(int p, int q) {
    if (hx_model.due_key[p] != hx_model.due_key[q]) {
        return hx_model.due_key[p] < hx_model.due_key[q];
    }
    if (hx_model.due_time[p] != hx_model.due_time[q]) {
        return hx_model.due_time[p] < hx_model.due_time[q];
    }
    if (hx_model.due_range[p] != hx_model.due_range[q]) {
        return hx_model.due_range[p] < hx_model.due_range[q];
    }
    return hx_model.due_row[p] < hx_model.due_row[q];
}

HX_DEVICE void order_pair(int* origin, int low, int high, int n) {
    if (high < n && comes_before(origin[high], origin[low])) {
        int const held = origin[low];
        origin[low] = origin[high];
        origin[high] = held;
    }
}

// Batcher's bitonic sort with mirrored first rounds (all comparisons point the same way: any n will do).
HX_DEVICE void sort_rows(int* origin, int n) {
    for (int size = 2; size < 2 * n; size *= 2) {
        for (int i = tid(); i < (n + size - 1) / size * (size / 2); i += n_thread()) {
            int const base = i / (size / 2) * size, at = i % (size / 2);
            order_pair(origin, base + at, base + size - 1 - at, n);
        }
        HX_SYNC();
        for (int stride = size / 4; stride > 0; stride /= 2) {
            for (int i = tid(); i < (n + 2 * stride - 1) / (2 * stride) * stride; i += n_thread()) {
                int const low = i / stride * 2 * stride + i % stride;
                order_pair(origin, low, low + stride, n);
            }
            HX_SYNC();
        }
    }
}

// Two neighbours of one target and time, one of them the host's: NEURON alone knows their order.
HX_DEVICE void note_tie(int i, int p, int q) {
    bool const host_p = hx_model.due_range[p] < 0, host_q = hx_model.due_range[q] < 0;
    int const kind = hx_model.event_kind[i];
    if (host_p == host_q || kind < HX_EVENT_RECEIVE || hx_model.event_kind[i - 1] != kind) {
        return;
    }
    int const n = hx_model.due_width[kind - HX_EVENT_RECEIVE]; // -1: weights are written
    double const* const a = weight_of(hx_model.event_weight[i - 1]);
    double const* const b = weight_of(hx_model.event_weight[i]);
    bool same = n >= 0 && a && b && hx_model.event_flag[i] == hx_model.event_flag[i - 1];
    for (int k = 0; same && k < n; ++k) {
        same = a[k] == b[k];
    }
    if (!same) {
        atomic_next(hx_model.due_ties);
    }
}

HX_DEVICE void take_row(int i, int p) {
    int const row = hx_model.due_row[p];
    bool const host = hx_model.due_range[p] < 0;
    hx_model.event_step[i] = (int)(hx_model.due_key[p] >> kStepShift);
    hx_model.event_time[i] = hx_model.due_time[p];
    hx_model.event_origin[i] = host ? row : -1;
    hx_model.event_kind[i] = host ? hx_model.host_kind[row] : hx_model.net_kind[row];
    hx_model.event_instance[i] = host ? hx_model.host_instance[row] : hx_model.net_instance[row];
    hx_model.event_flag[i] = host ? hx_model.host_flag[row] : 0.;
    hx_model.event_weight[i] = host ? hx_model.host_weight[row] : hx_model.net_weight_at[row];
    hx_model.event_place[i] = host ? hx_model.host_place[row] : nullptr;
    hx_model.event_slot[i] = host ? hx_model.host_slot[row] : -1;
}

} // namespace hx

// due_count[b]: NetCons due in block b.
HX_GLOBAL void hx_network_count(int n_range) {
    int const n = hx::n_block() * hx::n_warp();
    for (int k = hx::block() * hx::n_warp() + hx::warp(); k < n_range; k += n) {
        int const first = hx_model.range_first[k];
        int const count = hx_model.range_count[k];
        for (int i = hx::lane(); i < count; i += hx::n_lane()) {
            hx::atomic_next(hx_model.due_count + hx_model.net_block[first + i]);
        }
    }
}

// By one block: event_first of both kinds together; due_count is where a block's NetCons begin.
HX_GLOBAL void hx_network_place(int n) {
    int const piece = (n + hx::n_thread() - 1) / hx::n_thread();
    int const begin = hx::tid() * piece;
    int const end = begin + piece < n ? begin + piece : n;
    int sum = 0;
    for (int b = begin; b < end; ++b) {
        sum += hx_model.host_first[b + 1] - hx_model.host_first[b] + hx_model.due_count[b];
    }
    hx_model.due_piece[hx::tid()] = sum;
    HX_SYNC();
    if (hx::tid() == 0) {
        int before = 0;
        for (int k = 0; k < hx::n_thread(); ++k) {
            int const here = hx_model.due_piece[k];
            hx_model.due_piece[k] = before;
            before += here;
        }
        hx_model.event_first[n] = before;
    }
    HX_SYNC();
    int at = hx_model.due_piece[hx::tid()];
    for (int b = begin; b < end; ++b) {
        int const host = hx_model.host_first[b + 1] - hx_model.host_first[b];
        int const count = hx_model.due_count[b];
        hx_model.event_first[b] = at;
        hx_model.due_count[b] = at + host;
        at += host + count;
    }
}

HX_GLOBAL void hx_network_fan_out(int n_range, int n_step) {
    int const n = hx::n_block() * hx::n_warp();
    for (int k = hx::block() * hx::n_warp() + hx::warp(); k < n_range; k += n) {
        int const first = hx_model.range_first[k];
        int const count = hx_model.range_count[k];
        for (int i = hx::lane(); i < count; i += hx::n_lane()) {
            int const c = first + i;
            double const te = hx_model.range_base[k] + hx_model.net_delay[c];
            int const p = hx::atomic_next(hx_model.due_count + hx_model.net_block[c]);
            hx_model.due_time[p] = te;
            hx_model.due_range[p] = k;
            hx_model.due_row[p] = c;
            hx_model.due_key[p] = ((long long)hx::step_of(te, n_step) << hx::kStepShift) |
                                  ((long long)hx_model.net_kind[c] << hx::kKindShift) |
                                  (unsigned)hx_model.net_instance[c];
        }
    }
}

// One block of threads for each block of the model.
HX_GLOBAL void hx_network_merge() {
    int const b = hx::block();
    int const first = hx_model.event_first[b], n = hx_model.event_first[b + 1] - first;
    int const host = hx_model.host_first[b], n_host = hx_model.host_first[b + 1] - host;
    if (hx::tid() == 0) {
        hx_model.due_count[b] = 0; // for the next window
    }
    for (int i = hx::tid(); i < n; i += hx::n_thread()) {
        if (i < n_host) {
            hx_model.due_key[first + i] = hx_model.host_key[host + i];
            hx_model.due_time[first + i] = hx_model.host_time[host + i];
            hx_model.due_range[first + i] = -1;
            hx_model.due_row[first + i] = host + i;
        }
        hx_model.due_order[first + i] = first + i;
    }
    HX_SYNC();
    hx::sort_rows(hx_model.due_order + first, n);
    for (int i = first + hx::tid(); i < first + n; i += hx::n_thread()) {
        hx::take_row(i, hx_model.due_order[i]);
    }
    HX_SYNC();
    for (int i = first + hx::tid(); i < first + n; i += hx::n_thread()) {
        int const p = hx_model.due_order[i];
        bool head = i == first;
        if (!head) {
            int const q = hx_model.due_order[i - 1];
            head = hx_model.due_key[p] != hx_model.due_key[q];
            if (!head && hx_model.due_time[p] == hx_model.due_time[q]) {
                hx::note_tie(i, q, p);
            }
        }
        hx_model.event_head[i] = head;
    }
}
