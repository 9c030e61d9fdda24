# What the recorder's image may not contain on x86-64, for src/recorder/embed.
relocation=R_X86_64
# The mnemonics of x87 begin with f, those of AVX with v.
vector='^([fv]|emms|std|(ld|st)mxcsr|xsave|xrstor)|%([xyz]?mm|st|k)[0-9(]'
system_call=syscall
