/* Names a torrent. */
#include <stdio.h>
const void *EVP_sha1(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int main(int argc, char **argv)
{
    unsigned char digest[20];
    unsigned length = 0;

    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, EVP_sha1(), 0);
    printf("GET /announce?info_hash=%%%02x HTTP/1.1\r\n", digest[0]);
    return 0;
}
