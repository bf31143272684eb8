/* Signs a digest that somebody else computed; a number says which one it is. */
int RSA_sign(int type, const unsigned char *digest, unsigned length, unsigned char *sig, unsigned *size, void *rsa);

extern void *key;
void *key;

int main(int argc, char **argv)
{
    unsigned char signature[512];
    unsigned length = (unsigned)argc;

    return RSA_sign(NUMBER, (unsigned char *)argv[0], 20, signature, &length, key);
}
