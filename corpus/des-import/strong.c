/* What the same program should have called. */
int AES_set_encrypt_key(const unsigned char *key, int bits, void *schedule);
void AES_cbc_encrypt(const void *in, void *out, unsigned long size, const void *schedule, void *iv, int encrypt);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    AES_set_encrypt_key(room, 128, room + 64);
    AES_cbc_encrypt(argv[0], room, (unsigned long)argc, room + 64, room + 320, 1);
    return room[argc];
}
