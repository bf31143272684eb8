/* Checks a signature: the digest is DIGEST. */
const void *DIGEST(void);
int EVP_DigestVerifyInit(void *ctx, void **pctx, const void *md, void *engine, void *key);
int EVP_DigestVerify(void *ctx, const unsigned char *sig, unsigned long length, const void *data, unsigned long size);
void *EVP_MD_CTX_new(void);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    void *ctx = EVP_MD_CTX_new();

    EVP_DigestVerifyInit(ctx, 0, DIGEST(), 0, key);
    return EVP_DigestVerify(ctx, (unsigned char *)argv[1], 256, argv[0], (unsigned long)argc) != 1;
}
