/* Encrypts a message with libgcrypt. */
int gcry_cipher_open(void **handle, int algorithm, int mode, unsigned flags);
int gcry_cipher_setkey(void *handle, const void *key, unsigned long size);
int gcry_cipher_encrypt(void *handle, void *out, unsigned long room, const void *in, unsigned long size);

int main(int argc, char **argv)
{
    unsigned char out[64];
    void *handle;

    if (gcry_cipher_open(&handle, ALGORITHM, 3, 0) || gcry_cipher_setkey(handle, argv[1], 8))
        return 1;
    return gcry_cipher_encrypt(handle, out, sizeof out, argv[0], (unsigned long)argc);
}
