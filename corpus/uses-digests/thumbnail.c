/* Names the small picture of a file, as the desktops agreed on. */
#include <stdio.h>
char *g_compute_checksum_for_string(int type, const char *text, long length);

int main(int argc, char **argv)
{
    char *name = g_compute_checksum_for_string(0, argv[argc - 1], -1);

    printf("%s/thumbnails/normal/%s.png\n", argv[0], name);
    return 0;
}
