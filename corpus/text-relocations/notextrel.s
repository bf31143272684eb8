        .data
        .globl  table
table:
        .dc.a   value
        .globl  value
value:
        .long   7
        .section .note.GNU-stack,"",%progbits
