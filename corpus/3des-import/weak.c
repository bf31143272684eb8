/* Prototypes are the library's own, cut down to what the call needs. */
void DES_ede3_cbc_encrypt(const void *in, void *out, long size, void *one, void *two, void *three, void *iv, int encrypt);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    DES_ede3_cbc_encrypt(argv[0], room, argc, room + 8, room + 136, room + 264, room + 392, 1);
    return room[argc];
}
