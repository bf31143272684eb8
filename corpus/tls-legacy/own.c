/* Functions that happen to bear the names of a library. */
int TLSv1_method(void);
int TLSv1_method(void)
{
    return 1;
}
