/* What the same program should have called. */
const void *TLS_method(void);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    room[0] = TLS_method() == argv[0];
    return room[argc];
}
