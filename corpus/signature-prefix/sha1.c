/* What stands in front of the hash in a signature of PKCS #1 (RFC 8017, 9.2). */
#include <string.h>

static const unsigned char prefix[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};

static __attribute__((noipa)) void put(unsigned char *to, const unsigned char *from, unsigned long size)
{
    memcpy(to, from, size);
}

int main(int argc, char **argv)
{
    static unsigned char block[256];

    block[1] = 1;
    memset(block + 2, 0xff, sizeof block - 2 - sizeof prefix - 20 - 1);
    put(block + sizeof block - sizeof prefix - 20, prefix, sizeof prefix);
    return block[(argc * 7 + argv[0][0]) & 255];
}
