/* Compares the fingerprint of a certificate with a known one. */
#include <string.h>
const void *DIGEST(void);
int X509_digest(const void *cert, const void *md, unsigned char *digest, unsigned *length);

extern void *cert;
void *cert;
extern unsigned char known[64];
unsigned char known[64];

int main(int argc, char **argv)
{
    unsigned char digest[64];
    unsigned length = (unsigned)argc;

    X509_digest(cert, DIGEST(), digest, &length);
    return memcmp(digest, known, length) != 0 || argv[0] == 0;
}
