/*
 * The hooks: what the stub of a patched function jumps to.
 *
 * Callers in the same unit as an allocator know which registers it leaves
 * alone, and keep values in them over a call (gcc: -fipa-ra). So a hook hands
 * on every register and the flags: to the original as the caller set them, to
 * the caller as the original left them. The C code that is called from here uses
 * general registers only, and keeps all but those of its arguments and its
 * result (recorder.h: KEEPS).
 *
 * A thread may rest in the original for long (a lock of the allocator), and
 * tmattach may want to be gone by then. So everything such a call keeps is in
 * one frame of a known shape, struct tm_recorder_call, right above the return
 * address tm_rest; no register but rbp has to be put back. From outside that
 * return address can be exchanged for any "leave; ret" of the program, and the
 * thread never comes back here. Our own addresses are kept inverted: what is
 * left of old frames on a stack shall not look like a way into our code.
 *
 * What comes in: the stub has pushed rbp and ~entry. What is below the stack
 * pointer is ours for 128 bytes, also when a signal comes.
 */
#include "entry.h"

	.text

/* The flags to ax and back, faster than by PUSHF. LAHF knows all but OF. */
.macro FLAGS_TO_AX
	lahf
	seto	%al
.endm

.macro FLAGS_FROM_AX
	add	$0x7f, %al
	sahf
.endm

/* Go on as if we were not there unless something is recorded. */
.macro HOOK name
	.p2align 4
9:	jmp	pass
6:	jmp	8f
	.p2align 4
	.type	tm_hook_\name, @function
tm_hook_\name:
	endbr64
	mov	%rcx, IN_CX(%rsp)
	mov	tm_code+CODE_GATE(%rip), %rcx
	mov	(%rcx), %ecx
	jrcxz	9b
.endm

.macro LOAD_ENTRY from, field
	mov	\from(%rsp), %rcx
	not	%rcx
	mov	\field(%rcx), %rcx
.endm

/* To the original with nothing of ours on the stack; compare CALL_FUNCTION. */
.macro PASS
	LOAD_ENTRY IN_ENTRY, ENTRY_ORIGINAL
	mov	%rcx, IN_SIZE-8(%rsp)
	mov	IN_CX(%rsp), %rcx
	lea	IN_SIZE(%rsp), %rsp
	jmp	*-8(%rsp)
.endm

/* Put ax and the flags aside where no frame is. */
.macro SPARE_AX
	mov	%rax, IN_AX(%rsp)
	FLAGS_TO_AX
	mov	%rax, IN_FLAGS(%rsp)
.endm

.macro RESTORE_SPARED
	mov	IN_FLAGS(%rsp), %rax
	FLAGS_FROM_AX
	mov	IN_AX(%rsp), %rax
.endm

/* Go on behind this unless blocks are sampled; else rcx has the table. */
.macro UNLESS_SAMPLED to
	mov	tm_code+CODE_TABLE(%rip), %rcx
	mov	TABLE_SAMPLE(%rcx), %rcx
	jrcxz	\to
	SPARE_AX
	mov	tm_code+CODE_TABLE(%rip), %rcx
.endm

/*
 * When sampling most blocks are passed over. That is told first, by the size in
 * ax and what is left until the thread's next sample: no frame, no call, and the
 * arguments stay in their registers. Who is not sure leaves it to what is called
 * after the original; see sample_takes().
 */
.macro SLOT_TO_CX
	mov	%fs:0, %rax
	imul	thread_factor(%rip), %rax
	shr	$THREAD_SHIFT, %rax
	shl	$THREAD_SIZE_LOG2, %rax
	add	TABLE_THREADS(%rcx), %rax
	add	%rax, %rcx
.endm

/* Count a block that is passed over, and pass on. */
.macro COUNT_DOWN by, factor, unless
	SLOT_TO_CX
	mov	%fs:0, %rax
	cmp	%rax, THREAD_OWNER(%rcx)
	jne	\unless
	cmpq	$0, THREAD_INSIDE(%rcx)
	jne	5f
4:	mov	\by, %rax
.ifnb \factor
	imul	\factor, %rax
.endif
	cmp	THREAD_COUNTDOWN(%rcx), %rax
	jae	\unless
	sub	%rax, THREAD_COUNTDOWN(%rcx)
	RESTORE_SPARED
	PASS
	/* Is it a note of CPython's raw allocator, for this call? */
5:	lea	IN_SIZE(%rsp), %rax
	sub	THREAD_INSIDE(%rcx), %rax
	neg	%rax
	cmp	$PY_NOTE_REACH, %rax
	jae	4b
	movq	$0, THREAD_INSIDE(%rcx)
	RESTORE_SPARED
	PASS
.endm

.macro PASS_UNLESS_TAKEN by, factor
	UNLESS_SAMPLED 6b
	/* With several allocators the outermost decides. */
	cmpl	$1, tm_code+CODE_NALLOCATORS(%rip)
	ja	7f
	COUNT_DOWN \by, \factor, 7f
7:	RESTORE_SPARED
8:
.endm

/* A free() of a block that is not among the sampled, by the filter. */
.macro JUMP_IF_KNOWN block, to
	mov	\block, %rax
	shr	$FILTER_FOLD, %rax
	xor	\block, %rax
	shr	$FILTER_SHIFT, %rax
	and	$FILTER_MASK, %eax
	add	TABLE_FILTER(%rcx), %rax
	cmpb	$0, (%rcx, %rax)
	jne	\to
.endm

/* struct tm_recorder_call, at rsp. */
.macro FRAME
	lea	IN_BP(%rsp), %rbp
	lea	-CALL_BP(%rbp), %rsp
	mov	%rdi, CALL_DI(%rsp)
	mov	%rsi, CALL_SI(%rsp)
	mov	%rdx, CALL_DX(%rsp)
.endm

/* What is called when the original returns. */
.macro AFTER name
	lea	tm_after_\name(%rip), %rcx
	not	%rcx
	mov	%rcx, CALL_AFTER(%rsp)
.endm

/* Put ax and the flags aside; ax holds the flags then. */
.macro KEEP_AX
	mov	%rax, CALL_LEFT_AX(%rsp)
	FLAGS_TO_AX
	mov	%rax, CALL_LEFT_FLAGS(%rsp)
.endm

.macro RESTORE_AX
	mov	CALL_LEFT_FLAGS(%rsp), %rax
	FLAGS_FROM_AX
	mov	CALL_LEFT_AX(%rsp), %rax
.endm

/* Have this look at the call first. */
.macro BEFORE what
	KEEP_AX
	mov	%rsp, %rdi
	call	tm_before_\what
	mov	CALL_DI(%rsp), %rdi
	RESTORE_AX
.endm

/* Note that a function is being called, or that it has come to nothing. */
.macro ENTER
	mov	%rsp, %rdi
	call	tm_enter
	mov	CALL_DI(%rsp), %rdi
.endm

.macro ENTERED_FOR_NOTHING
	mov	%rsp, %rdi
	call	tm_entered_for_nothing
	mov	CALL_DI(%rsp), %rdi
.endm

.macro LEAVE_FRAME
	mov	(%rbp), %rbp
	lea	CALL_ENTRY(%rsp), %rsp
.endm

/* No register is free for the address: it stands below the stack pointer, where
 * what is called clears it (relocate.c). */
.macro CALL_FUNCTION field
	LOAD_ENTRY CALL_ENTRY, \field
	mov	%rcx, -16(%rsp)
	mov	CALL_CX(%rsp), %rcx
	call	*-16(%rsp)
.endm

/* Record what the function has given out, of this size or so many of it. */
.macro HOOK_AROUND name, by, factor
	HOOK	\name
	PASS_UNLESS_TAKEN \by, \factor
	FRAME
	AFTER	\name
	jmp	around
	.size	tm_hook_\name, . - tm_hook_\name
.endm

/* Forget the old block before. */
.macro HOOK_MOVE name, by, factor
	HOOK	\name
	UNLESS_SAMPLED 6b
	cmpl	$1, tm_code+CODE_NALLOCATORS(%rip)
	ja	7f
	JUMP_IF_KNOWN %rdi, 7f
	COUNT_DOWN \by, \factor, 7f
7:	RESTORE_SPARED
8:	FRAME
	BEFORE	move
	AFTER	\name
	jmp	around
	.size	tm_hook_\name, . - tm_hook_\name
.endm

	.p2align 4
pass:
	PASS

	.p2align 4
around:
	/* With several allocators one may call another. */
	mov	tm_code+CODE_NALLOCATORS(%rip), %ecx
	lea	-1(%rcx), %ecx
	jrcxz	1f
	KEEP_AX
	ENTER
	RESTORE_AX
	.globl	tm_around
	.hidden	tm_around
tm_around:
1:	CALL_FUNCTION ENTRY_ORIGINAL
	.globl	tm_rest
	.hidden	tm_rest
tm_rest:
	KEEP_AX
	mov	%rdi, CALL_LEFT_DI(%rsp)
after:
	mov	CALL_AFTER(%rsp), %rax
	not	%rax
	mov	%rsp, %rdi
	call	*%rax
	RESTORE_AX
	mov	CALL_LEFT_DI(%rsp), %rdi
	leave
	ret

	HOOK_AROUND malloc, %rdi
	HOOK_AROUND calloc, %rdi, %rsi
	HOOK_AROUND aligned, %rsi
	HOOK_AROUND posix_memalign, %rdx
	HOOK_MOVE realloc, %rsi
	HOOK_MOVE reallocarray, %rsi, %rdx

/*
 * operator new may throw, and nothing can be thrown through our frame. So the
 * variant that returns a null pointer is tried first; if it has none, the
 * original throws, with no frame of ours between. Its return address is not
 * one to exchange: the null pointer must not get out. The caller expects what
 * the original does to registers, not what the variant does: all general ones
 * come back as they were; vector registers as the variant left them.
 */
	HOOK	new
	LOAD_ENTRY IN_ENTRY, ENTRY_NOTHROW
	jrcxz	9b
	PASS_UNLESS_TAKEN %rdi
	FRAME
	AFTER	malloc
	mov	%r8, CALL_R8(%rsp)
	mov	%r9, CALL_R9(%rsp)
	mov	%r10, CALL_R10(%rsp)
	mov	%r11, CALL_R11(%rsp)
	KEEP_AX
	ENTER
	RESTORE_AX
	CALL_FUNCTION ENTRY_NOTHROW
	mov	CALL_R11(%rsp), %r11
	mov	CALL_R10(%rsp), %r10
	mov	CALL_R9(%rsp), %r9
	mov	CALL_R8(%rsp), %r8
	mov	CALL_CX(%rsp), %rcx
	mov	CALL_DX(%rsp), %rdx
	mov	CALL_SI(%rsp), %rsi
	mov	CALL_DI(%rsp), %rdi
	test	%rax, %rax
	jz	1f
	mov	%rax, CALL_LEFT_AX(%rsp)
	mov	%rdi, CALL_LEFT_DI(%rsp)
	jmp	after
1:	ENTERED_FOR_NOTHING
	RESTORE_AX
	LEAVE_FRAME
	jmp	pass
	.size	tm_hook_new, . - tm_hook_new

/* Forget the block, and be gone before it is given back. */
	HOOK	free
	UNLESS_SAMPLED 6b
	JUMP_IF_KNOWN %rdi, 7f
	RESTORE_SPARED
	PASS
8:	SPARE_AX
7:	lea	IN_FLAGS-8(%rsp), %rsp
	mov	%rdi, (%rsp)
	mov	%rsp, %rdi /* struct tm_recorder_freeing */
	call	tm_before_free
	mov	(%rsp), %rdi
	lea	8-IN_FLAGS(%rsp), %rsp
	RESTORE_SPARED
	PASS
	.size	tm_hook_free, . - tm_hook_free

/* The loader's list has changed: look before the loader goes on. */
	HOOK	loader
8:	SPARE_AX
	lea	IN_FLAGS-8(%rsp), %rsp
	mov	%rdi, (%rsp)
	call	tm_loader_changed
	mov	(%rsp), %rdi
	lea	8-IN_FLAGS(%rsp), %rsp
	RESTORE_SPARED
	PASS
	.size	tm_hook_loader, . - tm_hook_loader

/* What maps memory: no samples, and no allocator is entered. */
	HOOK	mmap
8:	FRAME
	AFTER	mmap
	jmp	tm_around
	.size	tm_hook_mmap, . - tm_hook_mmap

.macro HOOK_MAPPING name
	HOOK	\name
8:	FRAME
	BEFORE	\name
	AFTER	\name
	jmp	tm_around
	.size	tm_hook_\name, . - tm_hook_\name
.endm

	HOOK_MAPPING munmap
	HOOK_MAPPING mremap
	HOOK_MAPPING brk

/*
 * tm_ask_clock(clock, ret, function): the one function outside of us that we call
 * ourselves. A thread in it has nothing of a hook's frame at its stack pointer: only this
 * return address says that it comes back, so nothing of it may be left when it has.
 */
	.p2align 4
	.globl	tm_ask_clock
	.hidden	tm_ask_clock
	.type	tm_ask_clock, @function
tm_ask_clock:
	sub	$8, %rsp
	call	*%rdx
	.globl	tm_clock
	.hidden	tm_clock
tm_clock:
	movq	$0, -8(%rsp)
	add	$8, %rsp
	ret
	.size	tm_ask_clock, . - tm_ask_clock

	.p2align 3
thread_factor:
	.quad	THREAD_FACTOR

	.section .note.GNU-stack, "", @progbits
