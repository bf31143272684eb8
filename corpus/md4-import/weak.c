/* Prototypes are the library's own, cut down to what the call needs. */
int MD4_Init(void *context);
int MD4_Update(void *context, const void *data, unsigned long size);
int MD4_Final(unsigned char *digest, void *context);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    MD4_Init(room);
    MD4_Update(room, argv[0], (unsigned long)argc);
    MD4_Final(room + 256, room);
    return room[argc];
}
