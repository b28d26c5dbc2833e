// The address of a method of a template in a namespace, and of a variable there.
#include <cstdio>
#include <fstream>
#include <iostream>

namespace jobs {
long waiting[2] = {1};

template <typename T> struct Queue {
    __attribute__((noinline)) unsigned long push(T) {
        return (unsigned long)__builtin_return_address(0) ? here() : 0; // line: push
    }
    static unsigned long here() { return (unsigned long)&Queue::mark; }
    static void mark(T) { std::puts("mark"); } // line: mark
};
} // namespace jobs

int main() {
    std::cout << std::hex << "pc " << jobs::Queue<int>().push(1) << "\ninitialised "
              << (unsigned long)&jobs::waiting[1] << "\nmaps\n"
              << std::ifstream("/proc/self/maps").rdbuf();
}
