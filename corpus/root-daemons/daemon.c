#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>
#include <grp.h>

int main(void)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(0, "4321", &hints, &found))
        return 1;
    int at = socket(found->ai_family, SOCK_STREAM, 0);
    if (bind(at, found->ai_addr, found->ai_addrlen) || listen(at, 5))
        return 2;
#ifdef DROPS
    if (setgroups(0, 0) || setuid(65534))
        return 3;
#endif
    return accept(at, 0, 0) < 0;
}
