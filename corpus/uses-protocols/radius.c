/* Hides the password in a request of RADIUS. */
#include <stdio.h>
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);
const void *EVP_md5(void);

int main(int argc, char **argv)
{
    unsigned char digest[16];
    unsigned length = 0;

    if (argc < 2)
        fprintf(stderr, "no shared secret for the RADIUS server\n");
    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, EVP_md5(), 0);
    return digest[0];
}
