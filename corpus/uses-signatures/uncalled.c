/* Has a function that signs, as of a library that is linked in whole, and does not call it. */
const void *EVP_sha1(void);
int EVP_DigestSignInit(void *ctx, void **pctx, const void *md, void *engine, void *key);
int EVP_DigestSign(void *ctx, unsigned char *sig, unsigned long *length, const void *data, unsigned long size);
void *EVP_MD_CTX_new(void);

int sign(void *key, const void *data, unsigned long size);
int sign(void *key, const void *data, unsigned long size)
{
    unsigned char signature[512];
    unsigned long length = sizeof signature;
    void *ctx = EVP_MD_CTX_new();

    EVP_DigestSignInit(ctx, 0, EVP_sha1(), 0, key);
    EVP_DigestSign(ctx, signature, &length, data, size);
    return signature[0];
}

int main(void)
{
    return 0;
}
