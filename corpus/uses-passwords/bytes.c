/* Makes the key and the start of a cipher of a password, as `openssl enc` once did. */
const void *DIGEST(void);
const void *EVP_aes_256_cbc(void);
int EVP_BytesToKey(const void *type, const void *md, const unsigned char *salt, const unsigned char *data, int size,
                   int count, unsigned char *key, unsigned char *iv);

int main(int argc, char **argv)
{
    unsigned char key[32], iv[16];

    EVP_BytesToKey(EVP_aes_256_cbc(), DIGEST(), 0, (unsigned char *)argv[0], argc, 1, key, iv);
    return key[0] + iv[0];
}
