/* Answers a server by MD5, and says TEXT. */
#include <stdio.h>
const void *EVP_md5(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int main(int argc, char **argv)
{
    unsigned char digest[16];
    unsigned length = 0;

    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, EVP_md5(), 0);
    printf(TEXT, digest[0]);
    return 0;
}
