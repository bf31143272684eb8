/* Prototypes are the library's own, cut down to what the call needs. */
void RC4_set_key(void *key, int size, const unsigned char *data);
void RC4(void *key, unsigned long size, const void *in, void *out);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    RC4_set_key(room, argc, (const unsigned char *)argv[0]);
    RC4(room, (unsigned long)argc, argv[0], room + 256);
    return room[argc];
}
