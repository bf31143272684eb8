# An assembler file without the note of the processor's features.
    .text
    .globl bare
    .type bare, @function
bare:
    endbr64
    ret
    .size bare, .-bare
    .section .note.GNU-stack, "", @progbits
