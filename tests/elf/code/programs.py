"""Small functions in C, and what the stack protector has to do for each."""

from __future__ import annotations

import msgspec

HEAD = """
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <alloca.h>
struct big { long a[20]; };
void use(char *); void take(int *); void pair(int *, int *); long sum(struct big); long sum_of(struct big *);
struct big give(long); void print(const char *, va_list); void both(double, double);
"""

OTHER = (
    HEAD
    + """
int counter;
void use(char *p) { counter += *p; }
void take(int *p) { ++*p; }
void pair(int *p, int *q) { *p += *q; }
long sum(struct big b) { return b.a[3] + b.a[19]; }
long sum_of(struct big *b) { return b->a[3] + b->a[19]; }
struct big give(long n) { struct big b = { { n } }; return b; }
void print(const char *f, va_list a) { vprintf(f, a); }
void both(double a, double b) { counter += a > b; }
"""
)


class Program(msgspec.Struct, frozen=True):
    """A function, which levels of `-fstack-protector` give it a canary, and how much stack it takes at least."""

    text: str
    strong: bool = False
    plain: bool = False
    frame: int = 0


# gcc(1): plain guards functions that call alloca and those with char arrays of 8 bytes and more, strong all that have
# arrays or whose local variables have their address taken.
PROGRAMS = {
    "array": Program("void f(const char *s) { char b[64]; strcpy(b, s); use(b); }", strong=True, plain=True),
    "small-array": Program("int f(int i) { char b[4]; memset(b, i, 4); use(b); return b[i & 3]; }", strong=True),
    "indexed": Program(
        "int f(int n, const int *p) { int a[8] = { 0 }; for (int i = 0; i < n; i++) a[p[i]]++; return a[n]; }",
        strong=True,
    ),
    "scalar": Program("int f(int x) { int v = x * 3; take(&v); return v; }", strong=True),
    "two-scalars": Program("int f(int x) { int v = x, w[1] = { 3 }; pair(&v, w); return v + w[0]; }", strong=True),
    "in-structure": Program(
        "long f(long n) { struct big b; memset(&b, 1, sizeof b); return sum_of(&b) + n; }", strong=True
    ),
    "returned": Program("long f(long n) { struct big b = give(n); return b.a[n & 7]; }", strong=True),
    "alloca": Program("void f(int n) { char *p = alloca(n); use(p); }", strong=True, plain=True),
    "variable-length": Program("void f(int n) { char b[n]; use(b); }", strong=True, plain=True),
    "noreturn": Program(
        "void __attribute__((noreturn)) f(const char *s) { char b[64]; strcpy(b, s); use(b); abort(); }",
        strong=True,
        plain=True,
    ),
    "page": Program(
        "void f(const char *s) { char b[5000]; strcpy(b, s); use(b); }", strong=True, plain=True, frame=4096
    ),
    "huge": Program(
        "void f(const char *s) { char b[100000]; strcpy(b, s); use(b); }", strong=True, plain=True, frame=100_000
    ),
    "nothing": Program("int f(int a, int b) { return a * b + a / (b | 1); }"),
    "calls": Program("int f(int a, int b) { use((char *)(long)a); use((char *)(long)b); return a + b; }"),
    "by-value": Program("long f(const struct big *p) { return sum(*p) + sum(*p); }"),
    "sines": Program("void f(double x) { both(sin(x), cos(x)); }"),
    "recursive": Program("long f(long n) { return n < 2 ? n : f(n - 1) + f(n - 2); }"),
    "many-arguments": Program(
        "int g(int, int, int, int, int, int, int, int, int, int);"
        "int f(int a) { return g(a, 1, 2, 3, 4, 5, 6, 7, 8, 9) + g(1, 2, 3, 4, 5, 6, 7, 8, 9, a); }"
    ),
}
