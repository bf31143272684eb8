/* printf always gets its checked name, memcpy because the room is known and the length is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    char buffer[64];
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

    memcpy(buffer, argv[0], count);
    printf("%.*s: %d arguments\n", (int)count, buffer, argc);
    return 0;
}
