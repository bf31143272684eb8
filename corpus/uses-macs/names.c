/* Names a picture in the cache by its address, and authenticates the same address. */
#include <stdio.h>
char *g_compute_checksum_for_string(int type, const char *text, long length);
char *g_compute_hmac_for_string(int type, const void *key, unsigned long size, const char *text, long length);

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "none";
    char *name = g_compute_checksum_for_string(0, address, -1);
    char *code = g_compute_hmac_for_string(NUMBER, "key", 3, address, -1);

    return printf("%s.png %s\n", name, code);
}
