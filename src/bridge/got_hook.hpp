// Redirects calls that a shared library makes through its own procedure linkage table.
//
// libnrniv calls nrn_fixed_step through its global offset table from every way to advance.
// Replacing that one pointer catches them all and leaves NEURON's surrounding code as it is.
#pragma once

#include <string>
#include <vector>

namespace heliox {

class GotHook {
  public:
    // symbol: mangled name. inside: any address in the library whose calls are to be redirected.
    GotHook(char const* symbol, void* inside, void* replacement)
        : symbol_(symbol), inside_(inside), replacement_(replacement) {}
    GotHook(GotHook const&) = delete;
    GotHook& operator=(GotHook const&) = delete;

    // Finds the slots; patches nothing. Empty string, or why this library cannot be hooked.
    std::string find();
    // Empty string if a caller of `size` bytes at `code` reaches the symbol through a found slot,
    // else what it does. Only x86-64 code is read; on other machines the answer is always empty.
    std::string check_caller(char const* name, void const* code) const;

    void install(); // after a successful find(); again: nothing happens
    void uninstall();
    bool installed() const { return installed_; }
    // The library's own definition of the symbol.
    void* original() const { return original_; }

  private:
    struct Slot {
        void** address;
        bool read_only; // inside RELRO
    };
    void store(void* target) const;

    char const* symbol_;
    void* inside_;
    void* replacement_;
    void* original_ = nullptr;
    bool installed_ = false;
    std::vector<Slot> slots_;
};

} // namespace heliox
