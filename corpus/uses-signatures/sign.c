/* Signs a message: the digest is DIGEST. Prototypes are the library's own, cut down to what the call needs. */
const void *DIGEST(void);
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

    EVP_DigestSignInit(ctx, 0, DIGEST(), 0, key);
    EVP_DigestSign(ctx, signature, &length, argv[0], (unsigned long)argc);
    return signature[0];
}
