"""What well-known functions do with their arguments: which they only read, and whether they return the first.

From the functions' manual pages (sections 2 and 3). A function that is not named here may store something wherever an
argument points.
"""

from __future__ import annotations

# Function → the arguments, counted from 0, where it stores something.
_FILLED: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        "abort access aligned_alloc atof atoi atol atoll bcmp calloc chdir chmod chown close closedir creat crypt "
        "execl execlp execv execve execvp exit fclose fdopen fflush fopen fopen64 fprintf fputc "
        "fputs free fseek ftell fwrite getegid getenv geteuid getgid getgrnam gethostbyname getpid getpwnam getpwuid "
        "getservbyname getuid inet_addr lchown link lseek malloc memcmp mkdir open "
        "open64 openat opendir openlog perror popen printf putchar puts rand random realloc reallocarray remove "
        "rename rmdir send sendto setenv sleep srand strcasecmp strcmp strcoll "
        "strcspn strdup strlen strncasecmp strncmp strndup strnlen strspn symlink sysconf "
        "syslog system umask unlink unsetenv usleep vfprintf vprintf vsyslog write __fprintf_chk __fwrite_chk "
        "__open64_2 __open_2 __printf_chk __strdup __syslog_chk __vfprintf_chk __vprintf_chk __vsyslog_chk".split(),
        (),
    ),
    **dict.fromkeys(
        "asprintf bzero explicit_bzero fgets fread getcwd gethostname memcpy memmove mempcpy memset snprintf sprintf "
        "stpcpy stpncpy strcat strcpy strftime strlcat strlcpy strncat strncpy vasprintf vsnprintf vsprintf "
        "__asprintf_chk __explicit_bzero_chk __fgets_chk __fread_chk __memcpy_chk __memmove_chk __mempcpy_chk "
        "__memset_chk __snprintf_chk __sprintf_chk __stpcpy_chk __stpncpy_chk __strcat_chk __strcpy_chk "
        "__strlcat_chk __strlcpy_chk __strncat_chk __strncpy_chk __vasprintf_chk __vsnprintf_chk "
        "__vsprintf_chk".split(),
        (0,),
    ),
    **dict.fromkeys(
        "bcopy fstat fstat64 lstat lstat64 pread pread64 read readlink recv stat stat64 strtod strtof strtoimax "
        "strtol strtold strtoll strtoul strtoull strtoumax swab __isoc23_strtol __isoc23_strtoul __pread_chk "
        "__read_chk __readlink_chk __recv_chk".split(),
        (1,),
    ),
    **dict.fromkeys(("inet_ntop", "inet_pton"), (2,)),
    "getaddrinfo": (3,),
}


# They return an address in what their first argument points to, or that argument; without changing anything.
LENDING = frozenset(
    "bsearch dcgettext dgettext gettext index memchr memmem memrchr rindex strcasestr strchr strchrnul strpbrk strrchr "
    "strstr".split()
)


# What they return points to nothing yet, or to a place of the object's own: they are no source.
ALLOCATING = frozenset(
    "__tls_get_addr aligned_alloc calloc malloc memalign posix_memalign realloc reallocarray strdup strndup __strdup "
    "_Znwm _Znam g_malloc g_malloc0 g_realloc CRYPTO_malloc CRYPTO_zalloc CRYPTO_realloc gcry_malloc gcry_calloc "
    "gcry_xmalloc gcry_xcalloc".split()
)


# What they store is no text, whatever they are given.
CLEARING = frozenset("bzero explicit_bzero memset __explicit_bzero_chk __memset_chk".split())


# Behind them a function may be entered a second time, with what it stored in between.
RETURNING_TWICE = frozenset("_setjmp __sigsetjmp getcontext setjmp sigsetjmp vfork".split())


# They return their first argument, as the manual says.
RETURNING_FIRST = frozenset(
    "memcpy memmove memset strcat strcpy strncat strncpy "
    "__memcpy_chk __memmove_chk __memset_chk __strcat_chk __strcpy_chk __strncat_chk __strncpy_chk".split()
)


# Function → the argument that says how many bytes it stores at most.
LENGTHS: dict[str, int] = {
    **dict.fromkeys(("bzero", "explicit_bzero", "fgets", "getcwd", "gethostname", "snprintf", "__explicit_bzero_chk",
                     "__snprintf_chk", "vsnprintf", "__vsnprintf_chk", "strftime"), 1),
    **dict.fromkeys(("bcopy", "memcpy", "memmove", "mempcpy", "memset", "pread", "read", "readlink", "recv", "stpncpy",
                     "strlcat", "strlcpy", "strncpy", "__memcpy_chk", "__memmove_chk", "__mempcpy_chk", "__memset_chk",
                     "__read_chk", "__readlink_chk", "__recv_chk", "__stpncpy_chk", "__strncpy_chk", "__fgets_chk"), 2),
}  # fmt: skip


KNOWN = frozenset(_FILLED) | LENDING | RETURNING_TWICE
"""The functions of the C library that are named here."""


def may_fill(function: str, argument: int) -> bool:
    """Whether a function may store something where an argument points."""
    filled = _FILLED.get(function)
    return filled is None or argument in filled
