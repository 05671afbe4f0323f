#include "kernel_table.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace heliox {
namespace {

struct Loaded {
    hx_kernel const* kernel;
    std::string source;
};

Resolver resolver_;
std::multimap<std::string, Loaded> kernels_;  // by mechanism name
std::map<std::string, KernelChoice> choices_; // by name + text hash

// SHA-256 (FIPS 180-4); the key that built-in kernels and the disk cache carry.
struct Sha256 {
    std::array<uint32_t, 8> h{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static uint32_t rotate(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }
    static uint32_t const* constants() {
        static uint32_t k[64];
        static bool const made = [] {
            // fractional parts of the cube roots of the first 64 primes
            int n = 0;
            for (uint32_t p = 2; n < 64; ++p) {
                bool prime = true;
                for (uint32_t q = 2; q * q <= p; ++q) {
                    prime = prime && p % q != 0;
                }
                if (!prime) {
                    continue;
                }
                // integer cube root of p * 2^96, whose low 32 bits are the constant
                unsigned __int128 low = 0, high = (unsigned __int128)1 << 36;
                while (high - low > 1) {
                    unsigned __int128 const middle = (low + high) / 2;
                    // middle^3 <= p * 2^96, compared without overflow: middle < 2^36
                    unsigned __int128 const square = middle * middle; // < 2^72
                    unsigned __int128 const left_high = (square >> 36) * middle;
                    unsigned __int128 const left_low =
                        (square & (((unsigned __int128)1 << 36) - 1)) * middle;
                    unsigned __int128 const sum = left_high + (left_low >> 36);
                    unsigned __int128 const right = (unsigned __int128)p << 60;
                    if (sum < right) {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                k[n++] = (uint32_t)low;
            }
            return true;
        }();
        (void)made;
        return k;
    }
    void block(unsigned char const* p) {
        uint32_t const* k = constants();
        uint32_t w[64];
        for (int i = 0; i < 16; ++i) {
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
                   (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        }
        for (int i = 16; i < 64; ++i) {
            uint32_t const s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
            uint32_t const s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        auto s = h;
        for (int i = 0; i < 64; ++i) {
            uint32_t const s1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
            uint32_t const choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
            uint32_t const t1 = s[7] + s1 + choice + k[i] + w[i];
            uint32_t const s0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
            uint32_t const majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            s = {t1 + s0 + majority, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
        }
        for (int i = 0; i < 8; ++i) {
            h[i] += s[i];
        }
    }
};

// Kernels of the cache end with the sha256 of what comes before: loading a truncated library would kill
// the process.
bool is_whole(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    std::string const data((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    return data.size() > 64 &&
           sha256_hex(data.data(), data.size() - 64) == data.substr(data.size() - 64);
}

void load(std::string const& path, std::string const& source) {
    if (source != "builtin" && !is_whole(path)) {
        throw std::runtime_error(path + " is damaged: heliox cache clear");
    }
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        char const* why = dlerror();
        throw std::runtime_error(why ? why : path);
    }
    std::vector<hx_kernel const*> found;
    if (auto several = (hx_kernels_entry)dlsym(library, "hx_kernels_entry_point")) {
        hx_kernel const* const* list = nullptr;
        int const n = several(&list);
        found.assign(list, list + n);
    } else if (auto one = (hx_kernel_entry)dlsym(library, "hx_kernel_entry_point")) {
        found.push_back(one());
    } else {
        throw std::runtime_error(path + " holds no kernel");
    }
    for (auto* kernel: found) {
        if (kernel->abi == HX_ABI_VERSION) {
            kernels_.emplace(kernel->name, Loaded{kernel, source});
        }
    }
}

Loaded const* find_loaded(std::string const& name, std::string const& hash) {
    auto range = kernels_.equal_range(name);
    for (auto it = range.first; it != range.second; ++it) {
        if (hash == it->second.kernel->text_hash && isa() == it->second.kernel->isa) {
            return &it->second;
        }
    }
    return nullptr;
}

std::string cache_dir() {
    if (char const* dir = std::getenv("HELIOX_CACHE_DIR")) {
        return dir;
    }
    if (char const* dir = std::getenv("XDG_CACHE_HOME")) {
        return std::string(dir) + "/heliox_neuron";
    }
    char const* home = std::getenv("HOME");
    return home ? std::string(home) + "/.cache/heliox_neuron" : "";
}

// The newest cached kernel of a MOD text, for runs without Python.
// Names: <first 32 digits of the text's hash>-<isa>-abi<N>-<passes>.so (heliox_neuron/codegen/cache.py).
std::string find_cached(std::string const& hash) {
    std::string const dir = cache_dir();
    std::string const prefix =
        hash.substr(0, 32) + "-" + isa() + "-abi" + std::to_string(HX_ABI_VERSION) + "-";
    std::string best;
    time_t newest = 0;
    DIR* d = opendir(dir.c_str());
    if (!d) {
        return best;
    }
    while (dirent const* entry = readdir(d)) {
        std::string const file = entry->d_name;
        if (file.compare(0, prefix.size(), prefix) != 0 || file.size() < 3 ||
            file.compare(file.size() - 3, 3, ".so") != 0) {
            continue;
        }
        struct stat status{};
        std::string const path = dir + "/" + file;
        if (stat(path.c_str(), &status) == 0 && status.st_mtime >= newest) {
            newest = status.st_mtime;
            best = path;
        }
    }
    closedir(d);
    return best;
}

// Without Python nobody names the library of built-in kernels: it lies beside this one.
void load_neighbour_once() {
    static bool done = false;
    if (done || !kernels_.empty() || isa().empty()) {
        return;
    }
    done = true;
    Dl_info info{};
    if (!dladdr(reinterpret_cast<void*>(&load_neighbour_once), &info) || !info.dli_fname) {
        return;
    }
    std::string path = info.dli_fname;
    path = path.substr(0, path.rfind('/') + 1) + "libheliox_kernels_" + isa().substr(7) + ".so";
    try {
        load(path, "builtin");
    } catch (std::exception const&) {
        // built without them: NEURON's own functions run
    }
}

bool take(KernelChoice& choice, std::string const& name, std::string const& hash) {
    if (auto* loaded = find_loaded(name, hash)) {
        choice.kernel = loaded->kernel;
        choice.source = loaded->source;
        return true;
    }
    return false;
}

void apply_answer(KernelChoice& choice, KernelAnswer const& answer, std::string const& hash) {
    choice.seconds = answer.cached ? 0 : answer.seconds;
    choice.code = answer.code;
    choice.reason = answer.reason;
    choice.none_needed = answer.status == "none";
    if (answer.status != "kernel") {
        return;
    }
    try {
        load(answer.path, answer.cached ? "cache" : "compiled");
        if (!take(choice, answer.name, hash)) {
            throw std::runtime_error("the kernel was made for another MOD text or CPU");
        }
    } catch (std::exception const& e) {
        choice.code = "HX025";
        choice.reason = std::string("the compiled kernel cannot be loaded: ") + e.what();
    }
}

} // namespace

std::string sha256_hex(char const* text, size_t n) {
    Sha256 sha;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        sha.block((unsigned char const*)text + i);
    }
    unsigned char tail[128] = {};
    size_t const rest = n - i;
    std::memcpy(tail, text + i, rest);
    tail[rest] = 0x80;
    size_t const length = rest < 56 ? 64 : 128;
    uint64_t const bits = (uint64_t)n * 8;
    for (int k = 0; k < 8; ++k) {
        tail[length - 1 - k] = (unsigned char)(bits >> (8 * k));
    }
    sha.block(tail);
    if (length == 128) {
        sha.block(tail + 64);
    }
    std::string hex;
    char const* digits = "0123456789abcdef";
    for (uint32_t word: sha.h) {
        for (int shift = 28; shift >= 0; shift -= 4) {
            hex += digits[(word >> shift) & 15];
        }
    }
    return hex;
}

std::string const& isa() {
    static std::string const best = [] {
        std::string level;
#if defined(__x86_64__)
        __builtin_cpu_init();
        bool const v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        bool const v4 = v3 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
        level = v4 ? "x86-64-v4" : v3 ? "x86-64-v3" : "x86-64-v2";
        if (char const* asked = std::getenv("HELIOX_ISA")) {
            std::string name = asked; // "v3" or "x86-64-v3"
            name = name.size() == 2 ? "x86-64-" + name : name;
            if (name.compare(0, 8, "x86-64-v") == 0 && name < level) {
                level = name;
            }
        }
#endif
        return level;
    }();
    return best;
}

void set_resolver(Resolver resolver) { resolver_ = std::move(resolver); }

void add_kernel_library(std::string const& path) { load(path, "builtin"); }

std::vector<KernelChoice> choose_kernels(std::vector<KernelRequest> const& requests) {
    load_neighbour_once();
    std::vector<std::string> hashes, keys;
    std::vector<KernelRequest> missing;
    for (auto const& request: requests) {
        hashes.push_back(request.text ? sha256_hex(request.text, std::strlen(request.text)) : "");
        keys.push_back(request.name + "/" + hashes.back());
        if (choices_.count(keys.back())) {
            continue;
        }
        KernelChoice choice;
        if (isa().empty()) {
            choice.code = "HX028";
            choice.reason = "compiled kernels need x86-64";
        } else if (request.text && take(choice, request.name, hashes.back())) {
        } else if (resolver_) {
            missing.push_back(request);
            continue;
        } else if (!request.text) {
            choice.code = "HX023";
            choice.reason = "NEURON holds no MOD text of it";
        } else if (std::string const path = find_cached(hashes.back()); !path.empty()) {
            apply_answer(choice, {request.name, "kernel", path, "", "", true, 0}, hashes.back());
        } else {
            choice.code = "HX025";
            choice.reason = "no cached kernel, and without Python none can be made";
        }
        choices_[keys.back()] = choice;
    }
    if (!missing.empty()) {
        for (auto const& answer: resolver_(missing)) {
            for (size_t i = 0; i < requests.size(); ++i) {
                if (requests[i].name == answer.name && !choices_.count(keys[i])) {
                    apply_answer(choices_[keys[i]], answer, hashes[i]);
                }
            }
        }
    }
    std::vector<KernelChoice> result;
    for (size_t i = 0; i < requests.size(); ++i) {
        auto known = choices_.find(keys[i]);
        if (known == choices_.end()) { // interrupted: asked again at the next freeze
            KernelChoice choice;
            choice.code = "HX025";
            choice.reason = "the compiler gave no answer for it";
            result.push_back(choice);
            continue;
        }
        result.push_back(known->second);
        known->second.seconds = 0; // spent once
    }
    return result;
}

} // namespace heliox
