/* Prototypes are the library's own, cut down to what the call needs. */
const void *TLSv1_method(void);

int main(int argc, char **argv)
{
    static unsigned char room[512];

    room[0] = TLSv1_method() == argv[0];
    return room[argc];
}
