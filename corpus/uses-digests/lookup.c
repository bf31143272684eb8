/* Looks for a token in a table by its digest. */
const void *EVP_md5(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int find_token(const char *token, unsigned long size);
__attribute__((noinline)) int find_token(const char *token, unsigned long size)
{
    unsigned char digest[64];
    unsigned length = 0;

    EVP_Digest(token, size, digest, &length, EVP_md5(), 0);
    return digest[0];
}

int main(int argc, char **argv)
{
    return find_token(argv[0], (unsigned long)argc);
}
