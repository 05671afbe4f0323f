#include "got_hook.hpp"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace heliox {
namespace {

#if defined(__x86_64__)
constexpr unsigned JUMP_SLOT = R_X86_64_JUMP_SLOT;
constexpr unsigned GLOB_DAT = R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
constexpr unsigned JUMP_SLOT = R_AARCH64_JUMP_SLOT;
constexpr unsigned GLOB_DAT = R_AARCH64_GLOB_DAT;
#else
#error "GOT relocation types of this machine are not known"
#endif

struct Image {
    std::uintptr_t inside = 0;
    std::uintptr_t base = 0;
    ElfW(Dyn) const* dynamic = nullptr;
    std::uintptr_t relro_begin = 0, relro_end = 0;
};

int match_image(dl_phdr_info* info, std::size_t, void* data) {
    auto& image = *static_cast<Image*>(data);
    Image found;
    found.base = info->dlpi_addr;
    bool holds = false;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        auto const& header = info->dlpi_phdr[i];
        std::uintptr_t const begin = found.base + header.p_vaddr;
        std::uintptr_t const end = begin + header.p_memsz;
        if (header.p_type == PT_LOAD) {
            holds = holds || (image.inside >= begin && image.inside < end);
        } else if (header.p_type == PT_DYNAMIC) {
            found.dynamic = reinterpret_cast<ElfW(Dyn) const*>(begin);
        } else if (header.p_type == PT_GNU_RELRO) {
            // the loader protects whole pages: a last partial page stays writable
            found.relro_begin = begin;
            found.relro_end = end & ~static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE) - 1);
        }
    }
    if (!holds) {
        return 0;
    }
    found.inside = image.inside;
    image = found;
    return 1;
}

// The parts of the dynamic section that name relocations.
struct Dynamic {
    ElfW(Sym) const* symbols = nullptr;
    char const* strings = nullptr;
    struct {
        ElfW(Rela) const* first = nullptr;
        std::size_t bytes = 0;
    } plt, data;

    explicit Dynamic(Image const& image) {
        // glibc stores addresses here, other loaders leave offsets
        auto const at = [&](ElfW(Addr) value) {
            return value < image.base ? value + image.base : value;
        };
        for (auto const* entry = image.dynamic; entry->d_tag != DT_NULL; ++entry) {
            auto const value = entry->d_un.d_ptr;
            switch (entry->d_tag) {
            case DT_SYMTAB:
                symbols = reinterpret_cast<ElfW(Sym) const*>(at(value));
                break;
            case DT_STRTAB:
                strings = reinterpret_cast<char const*>(at(value));
                break;
            case DT_JMPREL:
                plt.first = reinterpret_cast<ElfW(Rela) const*>(at(value));
                break;
            case DT_PLTRELSZ:
                plt.bytes = value;
                break;
            case DT_RELA:
                data.first = reinterpret_cast<ElfW(Rela) const*>(at(value));
                break;
            case DT_RELASZ:
                data.bytes = value;
                break;
            default:
                break;
            }
        }
    }
    bool complete() const { return symbols && strings && (plt.first || data.first); }
};

#if defined(__x86_64__)
std::int32_t read_i32(unsigned char const* at) {
    std::int32_t value;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

// `jmp *slot(%rip)` or `call *slot(%rip)` at `code`: the slot, else null.
void const* indirect_slot(unsigned char const* code) {
    if (code[0] != 0xff || (code[1] != 0x25 && code[1] != 0x15)) {
        return nullptr;
    }
    return code + 6 + read_i32(code + 2);
}

// The slot that a PLT entry jumps through, else null.
void const* plt_slot(unsigned char const* code) {
    static unsigned char const endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    if (std::memcmp(code, endbr64, sizeof(endbr64)) == 0) {
        code += sizeof(endbr64);
    }
    if (*code == 0xf2) {
        ++code;
    } // bnd
    return indirect_slot(code);
}
#endif

} // namespace

std::string GotHook::find() {
    if (!slots_.empty()) {
        return {};
    }
    Image image;
    image.inside = reinterpret_cast<std::uintptr_t>(inside_);
    if (!dl_iterate_phdr(match_image, &image) || !image.dynamic) {
        return "NEURON's library is not a loaded shared object";
    }
    Dynamic const dynamic(image);
    if (!dynamic.complete()) {
        return "NEURON's library has no relocation tables";
    }

    void* definition = nullptr;
    auto const scan = [&](ElfW(Rela) const* first, std::size_t bytes) {
        for (auto const* r = first; r != first + bytes / sizeof(*r); ++r) {
            auto const type = ELF64_R_TYPE(r->r_info);
            if (type != JUMP_SLOT && type != GLOB_DAT) {
                continue;
            }
            auto const& symbol = dynamic.symbols[ELF64_R_SYM(r->r_info)];
            if (std::strcmp(dynamic.strings + symbol.st_name, symbol_) != 0) {
                continue;
            }
            if (symbol.st_shndx != SHN_UNDEF) {
                definition = reinterpret_cast<void*>(image.base + symbol.st_value);
            }
            auto const address = image.base + r->r_offset;
            slots_.push_back({reinterpret_cast<void**>(address),
                              address >= image.relro_begin && address < image.relro_end});
        }
    };
    scan(dynamic.plt.first, dynamic.plt.first ? dynamic.plt.bytes : 0);
    scan(dynamic.data.first, dynamic.data.first ? dynamic.data.bytes : 0);
    if (slots_.empty()) {
        return std::string("NEURON's library makes no call to ") + symbol_;
    }
    if (!definition) {
        slots_.clear();
        return std::string("NEURON's library does not define ") + symbol_;
    }
    original_ = definition;
    return {};
}

std::string GotHook::check_caller(char const* name, void const* code) const {
#if defined(__x86_64__)
    Dl_info info;
    void* extra = nullptr;
    if (!dladdr1(code, &info, &extra, RTLD_DL_SYMENT) || !extra) {
        return std::string("the size of ") + name + " is not known";
    }
    auto const size = static_cast<ElfW(Sym) const*>(extra)->st_size;
    auto const* begin = static_cast<unsigned char const*>(info.dli_saddr);
    auto const is_slot = [&](void const* address) {
        for (auto const& slot: slots_) {
            if (slot.address == address) {
                return true;
            }
        }
        return false;
    };
    bool through_slot = false;
    // Every byte offset is tried: no disassembler is needed to find a 32-bit distance that hits
    // exactly.
    for (auto const* at = begin; size >= 6 && at + 6 <= begin + size; ++at) {
        if (is_slot(indirect_slot(at))) {
            through_slot = true;
        }
        if (*at != 0xe8 && *at != 0xe9) {
            continue;
        }
        auto const* target = at + 5 + read_i32(at + 1);
        if (target == original_) {
            return std::string(name) + " calls " + symbol_ + " directly";
        }
        Dl_info where; // the distance may be noise: read only addresses inside the same library
        if (dladdr(target, &where) && where.dli_fbase == info.dli_fbase &&
            is_slot(plt_slot(target))) {
            through_slot = true;
        }
    }
    if (!through_slot) {
        return std::string(name) + " does not call " + symbol_;
    }
#else
    (void)name;
    (void)code;
#endif
    return {};
}

void GotHook::store(void* target) const {
    auto const page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    for (auto const& slot: slots_) {
        auto const begin = reinterpret_cast<std::uintptr_t>(slot.address) & ~(page - 1);
        auto* const at = reinterpret_cast<void*>(begin);
        if (slot.read_only && mprotect(at, page, PROT_READ | PROT_WRITE) != 0) {
            throw std::runtime_error(
                "HX061 NEURON's call table cannot be made writable: plugin is off.");
        }
        __atomic_store_n(slot.address, target, __ATOMIC_RELEASE);
        if (slot.read_only) {
            mprotect(at, page, PROT_READ);
        }
    }
}

void GotHook::install() {
    if (installed_ || slots_.empty()) {
        return;
    }
    store(replacement_);
    installed_ = true;
}

void GotHook::uninstall() {
    if (!installed_) {
        return;
    }
    store(original_);
    installed_ = false;
}

} // namespace heliox
