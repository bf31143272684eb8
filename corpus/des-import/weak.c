/* Prototypes are the library's own, cut down to what the call needs. */
void DES_set_key_unchecked(const void *key, void *schedule);
void DES_ncbc_encrypt(const void *in, void *out, long size, void *schedule, void *iv, int encrypt);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    DES_set_key_unchecked(room, room + 8);
    DES_ncbc_encrypt(argv[0], room, argc, room + 8, room + 256, 1);
    return room[argc];
}
