#ifndef TM_CONTROL_REFUSAL_H
#define TM_CONTROL_REFUSAL_H

/* Beside which other interpreters the call is not to be made. */
enum control_refusal {
	CONTROL_REFUSE_OTHERS = 1,
	/* With an allocator of their own: what they have allocated is freed by
	 * another, while they live, or once they have ended. What ended ones
	 * had cannot be known. */
	CONTROL_REFUSE_OWN = 2,
	CONTROL_REFUSE_ENDED = 4,
};

#endif
