/* Signs with the digest that the caller asks for. */
const void *EVP_sha1(void);
const void *EVP_sha256(void);
int EVP_DigestSignInit(void *ctx, void **pctx, const void *md, void *engine, void *key);
int EVP_DigestSign(void *ctx, unsigned char *sig, unsigned long *length, const void *data, unsigned long size);
void *EVP_MD_CTX_new(void);

extern void *key;
void *key;

__attribute__((noinline)) static int sign(int old, const void *data, unsigned long size)
{
    unsigned char signature[512];
    unsigned long length = sizeof signature;
    void *ctx = EVP_MD_CTX_new();

    EVP_DigestSignInit(ctx, 0, old ? EVP_sha1() : EVP_sha256(), 0, key);
    EVP_DigestSign(ctx, signature, &length, data, size);
    return signature[0];
}

int main(int argc, char **argv)
{
    return sign(argc > 2, argv[0], (unsigned long)argc);
}
