/* Answers a web server. */
#include <stdio.h>
void gcry_md_hash_buffer(int algorithm, void *digest, const void *data, unsigned long size);

int main(int argc, char **argv)
{
    unsigned char digest[16];

    gcry_md_hash_buffer(1, digest, argv[0], (unsigned long)argc);
    printf("Authorization: Digest username=\"%s\", qop=auth, cnonce=\"%s\", response=\"%02x\"\r\n", argv[1], argv[2],
           digest[0]);
    return 0;
}
