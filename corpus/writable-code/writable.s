# A section that is to be both written and run, as hand-made just-in-time compilers have it.
        .section .jit,"awx",%progbits
        .globl  scratch
scratch:
        .zero   64
        .section .note.GNU-stack,"",%progbits
