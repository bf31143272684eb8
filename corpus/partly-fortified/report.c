/* A format that no compiler folds away. */
#include <stdio.h>

void report(const char *what, int count)
{
    fprintf(stderr, "%s: %d\n", what, count);
}
