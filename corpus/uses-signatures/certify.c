/* Signs a certificate. */
const void *DIGEST(void);
void *X509_new(void);
int X509_set_version(void *cert, long version);
int X509_sign(void *cert, void *key, const void *md);

extern void *key;
void *key;

int main(void)
{
    void *cert = X509_new();

    X509_set_version(cert, 2);
    return X509_sign(cert, key, DIGEST());
}
