/* A web server names the version of a page. */
#include <stdio.h>
void gcry_md_hash_buffer(int algorithm, void *digest, const void *data, unsigned long size);

int main(int argc, char **argv)
{
    unsigned char digest[16];

    gcry_md_hash_buffer(NUMBER, digest, argv[0], (unsigned long)argc);
    printf("ETag: \"%02x%02x\"\r\n", digest[0], digest[1]);
    return 0;
}
