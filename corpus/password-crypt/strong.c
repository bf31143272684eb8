/* What the same program should have called. */
int PKCS5_PBKDF2_HMAC(const char *password, int size, const void *salt, int salt_size, int count, const void *digest, int room, void *out);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    room[0] = (unsigned char)PKCS5_PBKDF2_HMAC(argv[0], argc, argv[0], argc, 600000, argv, 32, room + 8);
    return room[argc];
}
