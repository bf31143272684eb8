/* Prototypes are the library's own, cut down to what the call needs. */
void RC2_set_key(void *key, int size, const unsigned char *data, int bits);
void RC2_cbc_encrypt(const void *in, void *out, long size, void *key, void *iv, int encrypt);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    RC2_set_key(room, argc, (const unsigned char *)argv[0], 40);
    RC2_cbc_encrypt(argv[0], room, argc, room + 8, room + 256, 1);
    return room[argc];
}
