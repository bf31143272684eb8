/* Sets the priorities of GnuTLS. */
int gnutls_init(void **session, unsigned flags);
int gnutls_priority_set_direct(void *session, const char *priorities, const char **where);

int main(void)
{
    void *session;

    gnutls_init(&session, 2);
    return gnutls_priority_set_direct(session, LIST, 0);
}
