/* A digest becomes a key. */
const void *DIGEST(void);
const void *EVP_aes_128_cbc(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);
int EVP_EncryptInit_ex(void *ctx, const void *cipher, void *e, const unsigned char *key, const unsigned char *iv);
void *EVP_CIPHER_CTX_new(void);

int main(int argc, char **argv)
{
    unsigned char digest[64];
    unsigned length = 0;
    void *ctx = EVP_CIPHER_CTX_new();

    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, DIGEST(), 0);
    return EVP_EncryptInit_ex(ctx, EVP_aes_128_cbc(), 0, digest, 0);
}
