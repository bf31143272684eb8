/* Writes a private key in the old form of PEM, encrypted by CIPHER. */
const void *EVP_aes_256_cbc(void);
const void *EVP_get_cipherbyname(const char *name);
int PEM_write_bio_RSAPrivateKey(void *out, void *key, const void *cipher, const unsigned char *text, int size,
                                void *ask, void *data);

int main(int argc, char **argv)
{
    (void)argc;
    return PEM_write_bio_RSAPrivateKey(argv[0], argv[1], CIPHER, 0, 0, 0, argv[2]);
}
