// Files that are linked into a program, byte for byte.

.macro blob name, file
    .balign 8
    .global \name
    .global \name\()_end
\name:
    .incbin "\file"
\name\()_end:
.endm

.section .rodata.blobs, "a"
#ifdef BOARD_IMAGE
blob board_image, BOARD_IMAGE
#endif
#ifdef SELFTEST
blob selftest, SELFTEST
blob inhibition_image, SELFTEST_INHIBITION
#endif
