/* Hashes a password as Unix did in 1979. */
#include <stdio.h>
char *DES_crypt(const char *password, const char *salt);

int main(int argc, char **argv)
{
    return puts(DES_crypt(argv[argc - 1], "ab")) < 0;
}
