/* Sets the list of cipher suites. */
const void *TLS_method(void);
void *SSL_CTX_new(const void *method);
int SSL_CTX_set_cipher_list(void *ctx, const char *list);

int main(void)
{
    return SSL_CTX_set_cipher_list(SSL_CTX_new(TLS_method()), LIST);
}
