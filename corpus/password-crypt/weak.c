/* Prototypes are the library's own, cut down to what the call needs. */
char *DES_crypt(const char *password, const char *salt);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    room[0] = (unsigned char)DES_crypt(argv[0], "ab")[argc];
    return room[argc];
}
