#include <string.h>

int main(int argc, char **argv)
{
    memcpy(argv[0], argv[argc - 1], (size_t)argc);
    return (int)strlen(argv[0]);
}
