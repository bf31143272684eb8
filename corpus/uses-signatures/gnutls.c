/* Signs with GnuTLS. */
typedef struct {
    unsigned char *data;
    unsigned size;
} datum;
int gnutls_privkey_sign_data(void *key, int hash, unsigned flags, const datum *data, datum *signature);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    datum data = {(unsigned char *)argv[0], (unsigned)argc}, signature = {0, 0};

    return gnutls_privkey_sign_data(key, NUMBER, 0, &data, &signature);
}
