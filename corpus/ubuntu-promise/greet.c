#include <stdio.h>

int main(int argc, char **argv)
{
    printf("%s: %d arguments\n", argv[0], argc);
    return 0;
}
