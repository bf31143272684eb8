/* Makes the name of a session. */
#include <stdio.h>
const void *DIGEST(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int make_session_id(const char *who, unsigned long size);
__attribute__((noinline)) int make_session_id(const char *who, unsigned long size)
{
    unsigned char digest[64];
    unsigned length = 0;

    EVP_Digest(who, size, digest, &length, DIGEST(), 0);
    return printf("%02x%02x\n", digest[0], digest[1]);
}

int main(int argc, char **argv)
{
    return make_session_id(argv[0], (unsigned long)argc);
}
