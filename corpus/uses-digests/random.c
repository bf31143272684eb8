/* Makes the name of a session of the time. */
#include <stdio.h>
#include <time.h>
const void *EVP_md5(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int make_session_id(void);
__attribute__((noinline)) int make_session_id(void)
{
    unsigned char digest[64];
    unsigned length = 0;
    time_t now = time(0);

    EVP_Digest(&now, sizeof now, digest, &length, EVP_md5(), 0);
    return printf("%02x%02x\n", digest[0], digest[1]);
}

int main(void)
{
    return make_session_id();
}
