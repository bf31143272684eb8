/* Functions that happen to bear the names of a library. */
int RC4(void);
int RC4(void)
{
    return 1;
}

int RC4_set_key(void);
int RC4_set_key(void)
{
    return 1;
}
