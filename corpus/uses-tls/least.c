/* Sets the least version; the macro SSL_CTX_set_min_proto_version is this call. */
const void *TLS_method(void);
void *SSL_CTX_new(const void *method);
long SSL_CTX_ctrl(void *ctx, int command, long number, void *pointer);

int main(void)
{
    return (int)SSL_CTX_ctrl(SSL_CTX_new(TLS_method()), 123, VERSION, 0);
}
