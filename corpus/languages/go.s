# The build information that Go's linker writes since 1.18 (src/debug/buildinfo): a header of 32 bytes, then two
# strings behind their lengths. The list of modules stands between two marks of 16 bytes.
        .section .go.buildinfo,"aw",%progbits
        .balign 16
        .byte   255
        .ascii  " Go buildinf:"
        .byte   8, 2
        .zero   16
        .uleb128 2f - 1f
1:      .ascii  "go1.21.3"
2:      .uleb128 4f - 3f
3:      .ascii  "0123456789abcdef"
        .ascii  "path\texample.org/tool\n"
        .ascii  "mod\texample.org/tool\t(devel)\t\n"
        .ascii  "dep\tgolang.org/x/text\tv0.3.7\t\n"
        .ascii  "build\tCGO_ENABLED=1\n"
        .ascii  "0123456789abcdef"
4:
        .section .note.GNU-stack,"",%progbits
