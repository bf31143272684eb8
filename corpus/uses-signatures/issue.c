/* Signs a certificate by SHA-1, and checks afterwards what is signed by another digest. */
typedef struct {
    unsigned char *data;
    unsigned size;
} datum;
int gnutls_x509_crt_sign2(void *cert, void *issuer, void *key, int digest, unsigned flags);
int gnutls_pubkey_verify_data2(void *key, int algorithm, unsigned flags, const datum *data, const datum *signature);
int gnutls_x509_crt_init(void **cert);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    datum data = {(unsigned char *)argv[0], 24}, signature = {(unsigned char *)argv[1], (unsigned)argc};
    void *cert = 0;

    gnutls_x509_crt_init(&cert);
    gnutls_x509_crt_sign2(cert, cert, key, DIGEST, 0);
    return gnutls_pubkey_verify_data2(cert, 6, 0, &data, &signature);
}
