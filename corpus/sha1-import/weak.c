/* Prototypes are the library's own, cut down to what the call needs. */
int SHA1_Init(void *context);
int SHA1_Update(void *context, const void *data, unsigned long size);
int SHA1_Final(unsigned char *digest, void *context);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    SHA1_Init(room);
    SHA1_Update(room, argv[0], (unsigned long)argc);
    SHA1_Final(room + 256, room);
    return room[argc];
}
