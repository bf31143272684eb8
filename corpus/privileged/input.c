/* Input into an array, formatted output: every protection has something to protect. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[64];

    strcpy(line, argv[argc - 1]);
    printf("%s: %s\n", argv[0], line);
    return 0;
}
