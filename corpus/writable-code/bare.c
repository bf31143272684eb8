/* A program without a C library, whose start files would not link this way. */
static volatile int counter = 1;

void _start(void)
{
    for (;;)
        counter++;
}
