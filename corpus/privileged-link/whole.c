/* An array that a loop fills from outside. */
#include <stdio.h>

int length(const char *from);

__attribute__((noinline)) static void fill(char *to, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (char)getchar();
}

int main(int argc, char **argv)
{
    char buffer[64];

    fill(buffer, argc * 8);
    return buffer[argc] + length(argv[0]);
}
