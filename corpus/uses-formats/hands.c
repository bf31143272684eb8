/* A library that hands on what it gets. */
int PEM_write_bio_RSAPrivateKey(void *out, void *key, const void *cipher, const unsigned char *text, int size,
                                void *ask, void *data);

int write_key(void *out, void *key, const void *cipher, const unsigned char *text, int size, void *ask, void *data);
int write_key(void *out, void *key, const void *cipher, const unsigned char *text, int size, void *ask, void *data)
{
    return PEM_write_bio_RSAPrivateKey(out, key, cipher, text, size, ask, data);
}
