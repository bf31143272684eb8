// Asks Botan for a digest by its name, which is a std::string that lives on the stack.
#include <string>

struct Pointer {
    ~Pointer();
    void *to;
};

namespace Botan {
struct HashFunction {
    static Pointer create(const std::string &name, const std::string &provider);
};
}

Pointer::~Pointer() { __asm__ volatile("" : : "r"(to)); }

int main() {
    Pointer digest = Botan::HashFunction::create(NAME, "");
    return digest.to == nullptr;
}
