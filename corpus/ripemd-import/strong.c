/* What the same program should have called. */
int SHA256_Init(void *context);
int SHA256_Update(void *context, const void *data, unsigned long size);
int SHA256_Final(unsigned char *digest, void *context);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    SHA256_Init(room);
    SHA256_Update(room, argv[0], (unsigned long)argc);
    SHA256_Final(room + 256, room);
    return room[argc];
}
