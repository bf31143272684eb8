/* Prototypes are the library's own, cut down to what the call needs. */
int RIPEMD160_Init(void *context);
int RIPEMD160_Update(void *context, const void *data, unsigned long size);
int RIPEMD160_Final(unsigned char *digest, void *context);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    RIPEMD160_Init(room);
    RIPEMD160_Update(room, argv[0], (unsigned long)argc);
    RIPEMD160_Final(room + 256, room);
    return room[argc];
}
