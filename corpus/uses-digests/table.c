/* Computes the digest that the user names, by a table. */
#include <string.h>
const void *EVP_md5(void);
const void *EVP_sha1(void);
const void *EVP_sha256(void);
const void *EVP_sha512(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

static const struct {
    const char *name;
    const void *(*digest)(void);
} known[] = {{"md5", EVP_md5}, {"sha1", EVP_sha1}, {"sha256", EVP_sha256}, {"sha512", EVP_sha512}};

int main(int argc, char **argv)
{
    unsigned char digest[64];
    unsigned length = 0;

    for (unsigned i = 0; i < 4; i++)
        if (!strcmp(known[i].name, argv[1]))
            EVP_Digest(argv[0], (unsigned long)argc, digest, &length, known[i].digest(), 0);
    return digest[0];
}
