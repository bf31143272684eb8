/* Checked wherever fortify is on: a copy into a room of known size, and formats. */
#include <stdio.h>
#include <string.h>

void report(const char *what, int count);

int main(int argc, char **argv)
{
    char name[32];

    strcpy(name, argv[0]);
    report(name, argc);
    return printf("%s has %d arguments\n", name, argc) < 0;
}
