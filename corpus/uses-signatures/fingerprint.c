/* Shows the fingerprint of a certificate. */
#include <stdio.h>
const void *DIGEST(void);
int X509_digest(const void *cert, const void *md, unsigned char *digest, unsigned *length);

extern void *cert;
void *cert;

int main(void)
{
    unsigned char digest[64];
    unsigned length = 0;

    X509_digest(cert, DIGEST(), digest, &length);
    for (unsigned i = 0; i < length; i++)
        printf("%02x:", digest[i]);
    return 0;
}
