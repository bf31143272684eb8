/* Offers mechanisms of SASL, and names a file by its digest. */
#include <stdio.h>
const void *EVP_md5(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int main(int argc, char **argv)
{
    unsigned char digest[64];
    unsigned length = 0;

    puts("GSSAPI DIGEST-MD5 CRAM-MD5 PLAIN");
    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, EVP_md5(), 0);
    return digest[0];
}
