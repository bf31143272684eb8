extern void __asan_init(void);
extern void __asan_version_mismatch_check_v8(void);
extern void __asan_report_load1(unsigned long address);

__attribute__((constructor)) static void module_constructor(void)
{
    __asan_init();
    __asan_version_mismatch_check_v8();
}

int main(int argc, char **argv)
{
    if (argc > 8)
        __asan_report_load1((unsigned long)argv[8]);
    return 0;
}
