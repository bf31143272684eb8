/* Encrypts, authenticates and checks the signature of the same bytes, one after the other. */
typedef struct {
    unsigned char *data;
    unsigned size;
} datum;
int gnutls_cipher_init(void **handle, int cipher, const datum *key, const datum *iv);
int gnutls_hmac_init(void **handle, int algorithm, const void *key, unsigned long size);
int gnutls_pubkey_verify_data2(void *key, int algorithm, unsigned flags, const datum *data, const datum *signature);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    datum data = {(unsigned char *)argv[0], 24}, signature = {(unsigned char *)argv[1], (unsigned)argc};
    void *cipher = 0, *code = 0;

    gnutls_cipher_init(&cipher, 3, &data, &signature);
    gnutls_hmac_init(&code, 3, data.data, data.size);
    return gnutls_pubkey_verify_data2(key, VERIFIED, 0, &data, &signature);
}
