# An absolute address in the code itself; .dc.a is as wide as the processor's addresses.
        .text
        .globl  table
table:
        .dc.a   value
        .data
        .globl  value
value:
        .long   7
        .section .note.GNU-stack,"",%progbits
