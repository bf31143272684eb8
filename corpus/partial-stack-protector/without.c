/* The unit that is compiled with other flags than the rest: a string of any length goes into its array. */
#include <string.h>

int length(const char *from)
{
    char buffer[64];

    strcpy(buffer, from);
    return (int)strlen(buffer);
}
