/* Sums of the program's own, which have names that OpenSSL and others also have. */
struct sum {
    unsigned long state;
};

__attribute__((noinline)) void MD5_Init(struct sum *sum)
{
    sum->state = 1;
}

__attribute__((noinline)) void MD5_Update(struct sum *sum, const char *data)
{
    while (*data)
        sum->state = sum->state * 31 + (unsigned char)*data++;
}

__attribute__((noinline)) unsigned long MD5_Final(struct sum *sum)
{
    return sum->state;
}

int main(int argc, char **argv)
{
    struct sum sum;

    MD5_Init(&sum);
    while (argc--)
        MD5_Update(&sum, *argv++);
    return (int)MD5_Final(&sum);
}
