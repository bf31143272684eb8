/* Encrypts a message. */
const void *CIPHER(void);
void *EVP_CIPHER_CTX_new(void);
int EVP_EncryptInit_ex(void *ctx, const void *cipher, void *e, const unsigned char *key, const unsigned char *iv);
int EVP_EncryptUpdate(void *ctx, unsigned char *out, int *size, const unsigned char *in, int length);

int main(int argc, char **argv)
{
    unsigned char out[64];
    int size = 0;
    void *ctx = EVP_CIPHER_CTX_new();

    EVP_EncryptInit_ex(ctx, CIPHER(), 0, (unsigned char *)argv[1], (unsigned char *)argv[2]);
    EVP_EncryptUpdate(ctx, out, &size, (unsigned char *)argv[0], argc);
    return out[0];
}
