# Flags of x86-64.

# Hooks run between a program and its allocator: no vector registers there, and
# a mark for indirect jumps where they are jumped to.
arch_recorder_flags := -mgeneral-regs-only -fcf-protection=branch
# What is copied into a target is not jumped to indirectly.
arch_payload_flags  := -fcf-protection=none
