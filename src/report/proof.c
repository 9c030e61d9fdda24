#include "report/proof.h"

#include <inttypes.h>
#include <string.h>

#include "base/guard.h"

void add_heap_size(struct tm_buf *line, const char *label, double size, bool sign)
{
	char text[32];

	tm_buf_adds(line, label);
	tm_buf_adds(line, tm_format_size(text, size, sign));
}

void proof_print(FILE *out, const struct tm_heap *heap)
{
	const struct tm_heap_proof proof = tm_heap_proof(heap);
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_addf(&line, "%" PRIu64 " objects in %" PRIu64 " blocks; ",
		    proof.objects, proof.blocks);
	if (proof.tracked == proof.listed)
		tm_buf_addf(&line, "all %" PRIu64 " that the collector tracks were found",
			    proof.tracked);
	else
		tm_buf_addf(&line, "%" PRIu64 " of %" PRIu64 " that the collector tracks "
			    "were found", proof.tracked, proof.listed);
	if (proof.references)
		tm_buf_addf(&line, "; %" PRIu64 " with unexplained references, %"
			    PRIu64 " ambiguous", proof.unexplained, proof.ambiguous);
	else
		tm_buf_adds(&line, "; references were not needed");
	if (proof.estimated)
		tm_buf_addf(&line, "; %" PRIu64 " sizes estimated", proof.estimated);
	fprintf(out, "%s\n", line.data);
	if (proof.estimated)
		fputs("Estimated: their allocator cannot be walked. They are as large as their "
		      "types say, without its\nrounding. Objects that the collector does not "
		      "track and only memory of C leads to are not found there,\nnor is memory "
		      "of C.\n", out);
}

json_t *proof_json(const struct tm_heap *heap)
{
	const struct tm_heap_proof proof = tm_heap_proof(heap);
	json_t *object = json_object();

	json_object_set_new(object, "tracked", json_count(proof.tracked));
	json_object_set_new(object, "listed", json_count(proof.listed));
	json_object_set_new(object, "unexplained", proof.references ?
			    json_count(proof.unexplained) : json_null());
	json_object_set_new(object, "ambiguous", proof.references ?
			    json_count(proof.ambiguous) : json_null());
	json_object_set_new(object, "blocks", json_count(proof.blocks));
	json_object_set_new(object, "estimated", json_count(proof.estimated));
	return object;
}

json_t *proof_report(const char *format, struct report_heap source)
{
	json_t *report = json_report(format);

	json_object_set_new(report, "source",
			    json_source(tm_heap_meta(source.heap), source.file));
	return report;
}

json_t *proof_line(const char *filename, uint32_t lineno)
{
	return json_frame((struct tm_frame_view){
		.filename = { filename, strlen(filename) }, .lineno = lineno });
}
