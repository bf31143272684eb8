/* Signs with the digest that the user names. */
const void *EVP_md5(void);
const void *EVP_sha1(void);
const void *EVP_sha256(void);
int EVP_DigestSignInit(void *ctx, void **pctx, const void *md, void *engine, void *key);
void *EVP_MD_CTX_new(void);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    const void *md;

    switch (argv[1][0]) {
    case 'm':
        md = EVP_md5();
        break;
    case 's':
        md = EVP_sha1();
        break;
    default:
        md = EVP_sha256();
    }
    return EVP_DigestSignInit(EVP_MD_CTX_new(), 0, md, 0, key) + argc;
}
