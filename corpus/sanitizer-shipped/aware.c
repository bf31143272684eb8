/* Allocators mark freed memory for a sanitizer if one is there: a weak import is no sanitizer. */
extern void __asan_poison_memory_region(void const volatile *start, unsigned long size) __attribute__((weak));

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int main(int argc, char **argv)
{
    if (__asan_poison_memory_region)
        __asan_poison_memory_region(argv, (unsigned long)argc);
    return 0;
}
