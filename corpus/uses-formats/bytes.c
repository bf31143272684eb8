/* Makes a key of what it reads, after saying TEXT. */
#include <stdio.h>
const void *EVP_md5(void);
const void *EVP_aes_256_cbc(void);
int EVP_BytesToKey(const void *type, const void *md, const unsigned char *salt, const unsigned char *data, int size,
                   int count, unsigned char *key, unsigned char *iv);

int main(int argc, char **argv)
{
    unsigned char key[32], iv[16];

    puts(TEXT);
    EVP_BytesToKey(EVP_aes_256_cbc(), EVP_md5(), 0, (unsigned char *)argv[0], argc, 1, key, iv);
    return key[0] + iv[0];
}
