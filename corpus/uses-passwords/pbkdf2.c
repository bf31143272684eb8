/* Derives a key of a password with HMAC-SHA1. */
int PKCS5_PBKDF2_HMAC_SHA1(const char *pass, int size, const unsigned char *salt, int length, int rounds, int wanted,
                           unsigned char *key);

int main(int argc, char **argv)
{
    unsigned char key[32];

    PKCS5_PBKDF2_HMAC_SHA1(argv[0], argc, (unsigned char *)argv[1], 8, 100000, 32, key);
    return key[0];
}
