/* Prototypes are the library's own, cut down to what the call needs. */
int MD5_Init(void *context);
int MD5_Update(void *context, const void *data, unsigned long size);
int MD5_Final(unsigned char *digest, void *context);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    MD5_Init(room);
    MD5_Update(room, argv[0], (unsigned long)argc);
    MD5_Final(room + 256, room);
    return room[argc];
}
