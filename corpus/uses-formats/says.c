/* Signs a message by SHA-1, and says TEXT. */
#include <stdio.h>
const void *EVP_sha1(void);
int EVP_DigestSignInit(void *ctx, void **pctx, const void *md, void *engine, void *key);
int EVP_DigestSign(void *ctx, unsigned char *sig, unsigned long *length, const void *data, unsigned long size);
void *EVP_MD_CTX_new(void);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    unsigned char signature[512];
    unsigned long length = sizeof signature;
    void *ctx = EVP_MD_CTX_new();

    puts(TEXT);
    EVP_DigestSignInit(ctx, 0, EVP_sha1(), 0, key);
    EVP_DigestSign(ctx, signature, &length, argv[0], (unsigned long)argc);
    return signature[0];
}
