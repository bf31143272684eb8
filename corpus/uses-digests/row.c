/* Shows three digests of a text, one after the other. */
#include <stdio.h>
char *g_compute_checksum_for_string(int type, const char *text, long length);
char *g_compute_checksum_for_data(int type, const void *data, unsigned long length);
void *g_checksum_new(int type);
void g_checksum_update(void *sum, const void *data, long length);
const char *g_checksum_get_string(void *sum);

int main(int argc, char **argv)
{
    char *first = g_compute_checksum_for_string(0, argv[0], -1);
    char *second = g_compute_checksum_for_data(1, argv[0], (unsigned long)argc);
    void *sum = g_checksum_new(2);

    g_checksum_update(sum, argv[0], argc);
    return printf("%s %s %s\n", first, second, g_checksum_get_string(sum));
}
