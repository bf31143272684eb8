/* Hashes a password to be stored. */
#include <stdio.h>
const void *DIGEST(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int hash_password(const char *password, unsigned long size);
__attribute__((noinline)) int hash_password(const char *password, unsigned long size)
{
    unsigned char digest[64];
    unsigned length = 0;

    EVP_Digest(password, size, digest, &length, DIGEST(), 0);
    return printf("%02x%02x\n", digest[0], digest[1]);
}

int main(int argc, char **argv)
{
    return hash_password(argv[0], (unsigned long)argc);
}
