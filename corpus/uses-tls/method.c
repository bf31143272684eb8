/* Makes a context with one method. */
const void *METHOD(void);
void *SSL_CTX_new(const void *method);

int main(int argc, char **argv)
{
    return SSL_CTX_new(METHOD()) == argv[argc];
}
