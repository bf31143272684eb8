/* What stands in front of the hash in a signature of PKCS #1 (RFC 8017, 9.2). */
#include <string.h>

static const unsigned char prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

static __attribute__((noipa)) void put(unsigned char *to, const unsigned char *from, unsigned long size)
{
    memcpy(to, from, size);
}

int main(int argc, char **argv)
{
    static unsigned char block[256];

    block[1] = 1;
    memset(block + 2, 0xff, sizeof block - 2 - sizeof prefix - 32 - 1);
    put(block + sizeof block - sizeof prefix - 32, prefix, sizeof prefix);
    return block[(argc * 7 + argv[0][0]) & 255];
}
