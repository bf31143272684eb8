/* Computes the digest that the user names, by its number. */
void gcry_md_hash_buffer(int algorithm, void *digest, const void *data, unsigned long size);

int main(int argc, char **argv)
{
    unsigned char digest[64];
    int algorithm = argv[1][0] == 'm' ? 1 : argv[1][0] == 's' ? 2 : 8;

    gcry_md_hash_buffer(algorithm, digest, argv[0], (unsigned long)argc);
    return digest[0];
}
