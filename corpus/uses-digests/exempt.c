/* Computes MD5, and says that it is not for security. */
void *EVP_MD_fetch(void *context, const char *algorithm, const char *properties);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int main(int argc, char **argv)
{
    unsigned char digest[64];
    unsigned length = 0;
    void *md = EVP_MD_fetch(0, "MD5", "-fips");

    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, md, 0);
    return digest[0];
}
