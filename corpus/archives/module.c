/* What tells a kernel module from another object: its description and the structure the kernel fills in. */
static const char license[] __attribute__((used, section(".modinfo"))) = "license=GPL";
static const char name[] __attribute__((used, section(".modinfo"))) = "name=fake";

struct {
    char room[64];
} __this_module __attribute__((used, section(".gnu.linkonce.this_module")));

int init_module(void)
{
    return license[0] == name[0];
}
