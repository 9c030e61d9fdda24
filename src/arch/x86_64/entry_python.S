/*
 * The hooks of CPython's allocators: what its tables point to instead of the
 * functions. They are called through pointers, so no caller knows more of them
 * than the ABI says: registers of arguments and the flags need not be kept.
 *
 * Each has its own word in the head, and goes on there. What has to come back
 * leaves a struct tm_recorder_call on the stack, as other hooks do (entry.S),
 * whose entry is that word.
 */
#include "entry.h"

	.text

#define ORIGINAL(word) tm_code+CODE_PY_WORDS+(word)*PY_WORD_SIZE+PY_WORD_ORIGINAL(%rip)
#define WORD(word) tm_code+CODE_PY_WORDS+(word)*PY_WORD_SIZE(%rip)
#define COUNTDOWN tm_gate+GATE_COUNTDOWN(%rip)

.macro BEGIN name
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	endbr64
.endm

/* struct tm_recorder_call, at rsp, but for who is told afterwards. In: rax, the address
 * of the word. */
.macro FRAME
	push	%rbp
	mov	%rsp, %rbp
	sub	$CALL_BP, %rsp
	mov	%rdi, CALL_DI(%rsp)
	mov	%rsi, CALL_SI(%rsp)
	mov	%rdx, CALL_DX(%rsp)
	not	%rax
	mov	%rax, CALL_ENTRY(%rsp)
.endm

.macro AFTER after
	lea	\after(%rip), %rax
	not	%rax
	mov	%rax, CALL_AFTER(%rsp)
.endm

/* `before` is told the call, and may change its arguments. If it wants to, `after`
 * is told what came of it. */
.macro AROUND before, after
	FRAME
	AFTER	\after
	mov	%rsp, %rdi
	call	\before
	mov	CALL_DX(%rsp), %rdx
	mov	CALL_SI(%rsp), %rsi
	mov	CALL_DI(%rsp), %rdi
	test	%al, %al
	jnz	tm_around
	mov	CALL_ENTRY(%rsp), %rax
	leave
	not	%rax
	mov	PY_WORD_ORIGINAL(%rax), %rax
	jmp	*%rax
.endm

	.p2align 4
promote_malloc:
	AROUND	tm_py_promotes_malloc, tm_py_after_promoted
promote_calloc:
	AROUND	tm_py_promotes_calloc, tm_py_after_promoted
promote_realloc:
	AROUND	tm_py_promotes_realloc, tm_py_after_promoted
record_malloc:
	AROUND	tm_py_before_malloc, tm_py_after_malloc
record_calloc:
	AROUND	tm_py_before_calloc, tm_py_after_calloc
record_realloc:
	AROUND	tm_py_before_realloc, tm_py_after_realloc

/* Every block of this size is recorded, and that is all there is to decide. */
exact_malloc:
	FRAME
	AFTER	tm_py_after_malloc
	movl	$PY_TAKEN, CALL_KNOWN(%rsp)
	jmp	tm_around

/* Forget the block, and be gone before it is given back. */
record_free:
	push	%rdi
	push	%rsi
	mov	%rax, %rdi
	not	%rax
	push	%rax
	call	tm_py_before_free
	pop	%rax
	pop	%rsi
	pop	%rdi
	not	%rax
	mov	PY_WORD_ORIGINAL(%rax), %rax
	jmp	*%rax

/* Where every block is recorded, and where domains serve each other, what is called
 * sees to all. Else rcx has the table. */
.macro UNLESS_SAMPLED to
	mov	tm_code+CODE_TABLE(%rip), %rcx
	cmpq	$0, TABLE_SAMPLE(%rcx)
	je	\to
	testl	$PY_NESTED, TABLE_PY_FLAGS(%rcx)
	jnz	\to
.endm

/* Pass on what is before this thread's next sample. Who is not sure leaves it to what
 * is called: see sample_takes(). What has no size counts there as one byte. raw, which is
 * word 0 to 3, tells malloc's hooks by a note that they need not count. */
.macro PASS_UNLESS_TAKEN size, word, else
	mov	%fs:0, %r8
	movabs	$THREAD_FACTOR, %r9
	imul	%r8, %r9
	shr	$THREAD_SHIFT, %r9
	shl	$THREAD_SIZE_LOG2, %r9
	add	TABLE_THREADS(%rcx), %r9
	add	%rcx, %r9
	cmp	%r8, THREAD_OWNER(%r9)
	jne	\else
	cmp	THREAD_COUNTDOWN(%r9), \size
	jae	\else
	test	\size, \size
	jz	\else
	sub	\size, THREAD_COUNTDOWN(%r9)
.if (\word) < 4
	mov	%rsp, THREAD_INSIDE(%r9)
.endif
	jmp	*ORIGINAL(\word)
.endm

/* The countdown is at its end. Where there are several GILs, that is for good, and each
 * thread has its own. */
.macro PROMOTE_UNLESS_PASSED function, size, word
2:	cmpl	$0, tm_gate+GATE_MANY_GILS(%rip)
	jne	4f
3:	lea	WORD(\word), %rax
	jmp	promote_\function
4:	cmpl	$0, tm_gate+GATE_ENABLED(%rip)
	je	3b
	mov	tm_code+CODE_TABLE(%rip), %rcx
.ifc \function, realloc
	mov	%rsi, tm_gate+GATE_MOVING(%rip)
.endif
	PASS_UNLESS_TAKEN \size, \word, 3b
.endm

/*
 * Most blocks are passed on by one subtraction. What is large, pymalloc gets from
 * raw, and what has no size: the countdown does not change then, and is positive
 * but for the first time, and the first in a forked child, where it reads as zero.
 */
.macro PROMOTE domain, word
BEGIN tm_py_promote_\domain\()_malloc
	cmp	$PY_SMALL, %rsi
	ja	1f
	sub	%rsi, COUNTDOWN
	jle	2f
1:	jmp	*ORIGINAL(\word)
	PROMOTE_UNLESS_PASSED malloc, %rsi, \word

BEGIN tm_py_promote_\domain\()_calloc
	mov	%rsi, %rax
	imul	%rdx, %rax
	jo	1f
	cmp	$PY_SMALL, %rax
	ja	1f
	sub	%rax, COUNTDOWN
	jle	2f
1:	jmp	*ORIGINAL(\word + 1)
	PROMOTE_UNLESS_PASSED calloc, %rax, \word + 1

/* raw shall know that it has been decided about the block (python_hooks.c). */
BEGIN tm_py_promote_\domain\()_realloc
	lea	-1(%rdx), %rax
	cmp	$PY_SMALL, %rax
	jae	1f
	sub	%rdx, COUNTDOWN
	jle	2f
	mov	%rsi, tm_gate+GATE_MOVING(%rip)
1:	jmp	*ORIGINAL(\word + 2)
	PROMOTE_UNLESS_PASSED realloc, %rdx, \word + 2
.endm

	PROMOTE	mem, 4
	PROMOTE	obj, 8

/* Is the block among the sampled, by the filter? */
.macro JUMP_IF_KNOWN block, to
	mov	\block, %r8
	shr	$FILTER_FOLD, %r8
	xor	\block, %r8
	shr	$FILTER_SHIFT, %r8
	and	$FILTER_MASK, %r8d
	add	TABLE_FILTER(%rcx), %r8
	cmpb	$0, (%rcx, %r8)
	jne	\to
.endm

.macro BEGIN_RECORD domain, function, word
BEGIN tm_py_record_\domain\()_\function
	cmpl	$0, tm_gate+GATE_ENABLED(%rip)
	jne	1f
	jmp	*ORIGINAL(\word)
1:
.endm

.macro END_RECORD function, word
2:	lea	WORD(\word), %rax
	jmp	record_\function
.endm

.macro RECORD_DOMAIN domain, word
	BEGIN_RECORD \domain, malloc, \word
	UNLESS_SAMPLED 3f
	PASS_UNLESS_TAKEN %rsi, \word, 2f
3:
.if (\word) < 4
	testl	$PY_NESTED | PY_WITH_C, TABLE_PY_FLAGS(%rcx)
.else
	testl	$PY_NESTED, TABLE_PY_FLAGS(%rcx)
.endif
	jnz	2f
	lea	WORD(\word), %rax
	cmp	%rsi, PY_WORD_MOST(%rax)
	jae	exact_malloc
	jmp	*ORIGINAL(\word)
	END_RECORD malloc, \word

	BEGIN_RECORD \domain, calloc, \word + 1
	UNLESS_SAMPLED 2f
	mov	%rsi, %rax
	imul	%rdx, %rax
	jo	2f
	PASS_UNLESS_TAKEN %rax, \word + 1, 2f
	END_RECORD calloc, \word + 1

	BEGIN_RECORD \domain, realloc, \word + 2
	UNLESS_SAMPLED 2f
	JUMP_IF_KNOWN %rsi, 2f
	cmp	%rsi, tm_gate+GATE_MOVING(%rip)
	je	2f
	PASS_UNLESS_TAKEN %rdx, \word + 2, 2f
	END_RECORD realloc, \word + 2

	BEGIN_RECORD \domain, free, \word + 3
	UNLESS_SAMPLED 2f
	JUMP_IF_KNOWN %rsi, 2f
	jmp	*ORIGINAL(\word + 3)
	END_RECORD free, \word + 3
.endm

	RECORD_DOMAIN raw, 0
	RECORD_DOMAIN mem, 4
	RECORD_DOMAIN obj, 8

/*
 * (object, event, data) -> 0: an object is made or ends. Who was told before is told
 * after us, with what it wants to have. What is called gets a struct frame of the
 * caller, which has no other trace of us on its stack.
 */
BEGIN tm_py_record_reference
	cmpl	$0, tm_gate+GATE_ENABLED(%rip)
	je	1f
	cmp	$PY_CREATE, %esi
	jne	1f
	push	%rdi
	push	%rsi
	push	%rdx
	lea	32(%rsp), %rax
	push	%rbp
	push	%rax
	pushq	-8(%rax)
	mov	%rsp, %rsi
	sub	$8, %rsp
	call	tm_py_made
	add	$32, %rsp
	pop	%rdx
	pop	%rsi
	pop	%rdi
1:	mov	ORIGINAL(PY_TRACER), %rax
	test	%rax, %rax
	jz	2f
	jmp	*%rax
2:	ret

	.section .note.GNU-stack, "", @progbits
