/* Authenticates a message with libgcrypt. */
int gcry_mac_open(void **handle, int algorithm, unsigned flags, void *context);
int gcry_mac_setkey(void *handle, const void *key, unsigned long size);
int gcry_mac_write(void *handle, const void *data, unsigned long size);

int main(int argc, char **argv)
{
    void *handle;

    if (gcry_mac_open(&handle, ALGORITHM, 0, 0) || gcry_mac_setkey(handle, argv[1], 16))
        return 1;
    return gcry_mac_write(handle, argv[0], (unsigned long)argc);
}
