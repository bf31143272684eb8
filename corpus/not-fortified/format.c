/* The printf family gets its checked names wherever fortify is on. */
#include <stdio.h>

int main(int argc, char **argv)
{
    char line[256];
    int count = sprintf(line, "%s|%d", argv[0], argc);

    fprintf(stderr, "%d bytes\n", count);
    printf("%s\n%c", line, argv[0][0]);
    return 0;
}
