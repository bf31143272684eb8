/* Computes a digest, and nothing tells what for. */
const void *DIGEST(void);
int EVP_Digest(const void *data, unsigned long size, unsigned char *digest, unsigned *length, const void *md, void *e);

int main(int argc, char **argv)
{
    unsigned char digest[64];
    unsigned length = 0;

    EVP_Digest(argv[0], (unsigned long)argc, digest, &length, DIGEST(), 0);
    return digest[0];
}
