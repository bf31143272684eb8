/* Shows the digest that the user names: each is asked for by the same function. */
#include <stdio.h>
char *g_compute_checksum_for_string(int type, const char *text, long length);

int main(int argc, char **argv)
{
    switch (argc) {
    case 2:
        puts(g_compute_checksum_for_string(0, argv[1], -1));
        break;
    case 3:
        printf("%s of %s\n", g_compute_checksum_for_string(1, argv[1], -1), argv[2]);
        break;
    default:
        return printf("%s\n", g_compute_checksum_for_string(2, argv[0], -1));
    }
    return 0;
}
