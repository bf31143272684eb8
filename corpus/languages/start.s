# Code that a person wrote: no unwind tables, and nothing says that it is a function.
        .text
        .globl  _start
_start:
        .long   0
        .section .note.GNU-stack,"",%progbits
