#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char buffer[100000];
    ssize_t length = read(0, buffer, sizeof buffer);
    return length > 0 && buffer[length - 1] == '\n' && puts("a line") < 0;
}
