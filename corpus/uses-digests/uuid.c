/* Makes a UUID of a name. */
void uuid_generate_md5(unsigned char *out, const unsigned char *space, const char *name, unsigned long length);

int main(int argc, char **argv)
{
    unsigned char uuid[16];

    uuid_generate_md5(uuid, (unsigned char *)argv[1], argv[0], (unsigned long)argc);
    return uuid[0];
}
