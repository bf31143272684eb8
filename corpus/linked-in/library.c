/* A stand-in for libcrypto: its names, and a function of its own that uses another one. */
static const char md5[] = "md5", sha256[] = "sha256";

const void *EVP_md5(void)
{
    return md5;
}

const void *legacy_default(void)
{
    return EVP_md5();
}

const void *EVP_sha256(void)
{
    return sha256;
}

int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e)
{
    (void)e;
    if (md == 0)
        md = legacy_default();
    digest[0] = (unsigned char)(*(const char *)data + *(const char *)md + (int)size);
    *length = 1;
    return 1;
}
