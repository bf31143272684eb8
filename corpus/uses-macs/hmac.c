/* Authenticates a message. */
const void *DIGEST(void);
unsigned char *HMAC(const void *md, const void *key, int size, const unsigned char *data, unsigned long length,
                    unsigned char *code, unsigned *wrote);

int main(int argc, char **argv)
{
    unsigned char code[64];
    unsigned wrote = 0;

    HMAC(DIGEST(), argv[1], 16, (unsigned char *)argv[0], (unsigned long)argc, code, &wrote);
    return code[0];
}
