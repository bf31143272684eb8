#include <stdio.h>
#include <unistd.h>

int last_byte(void);

int main(void)
{
    char buffer[100000];
    ssize_t length = read(0, buffer, sizeof buffer);
    return length > 0 && buffer[length - 1] == last_byte() && puts("the same") < 0;
}
