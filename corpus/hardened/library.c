#include <stdio.h>
#include <string.h>

int hardened_describe(char *to, size_t room, const char *name)
{
    char line[80];

    strcpy(line, name);
    return snprintf(to, room, "<%s>", line);
}
