/* `ps`. */
#include <inttypes.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/command.h"
#include "report/json.h"
#include "report/line.h"

static bool is_traced(const struct report_process *process)
{
	return process->permitted && process->status.tracing == TM_TRACING_ON;
}

/* ---- text ------------------------------------------------------------------- */

static const char *tracing_word(const struct report_process *process)
{
	if (!process->permitted)
		return "denied";
	if (process->unsupported)
		return "-";
	switch (process->status.tracing) {
	case TM_TRACING_ON:
		return "yes";
	case TM_TRACING_FINALIZED:
		return "ended";
	case TM_TRACING_OFF:
		break;
	}
	return "no";
}

static void print_process(FILE *out, const struct report_process *process)
{
	const struct tm_status *status = &process->status;
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf runtime = { 0 };
	char traced[32] = "-", rss[32] = "-", **commands;

	if (is_traced(process))
		tm_format_size(traced, (double)status->traced_current, false);
	if (process->permitted)
		tm_format_size(rss, (double)status->rss, false);
	tm_buf_adds(&runtime, process->unsupported ? "unsupported: " : "");
	tm_buf_adds(&runtime, process->permitted ? status->runtime : "?");
	tm_buf_addf(&line, "%7d %-20s %-7s %10s %10s ", (int)process->pid,
		    runtime.data, tracing_word(process), traced, rss);
	commands = report_cut_commands(&process->command, 1);
	tm_buf_adds(&line, commands[0]);
	report_free_commands(commands, 1);
	/* Programs that write their title over their words leave blanks. */
	while (line.data[line.len - 1] == ' ')
		line.len--;
	line_print_buf(out, "", &line);
}

static void print_text(FILE *out, const struct report_process *processes, size_t n)
{
	fputs("    PID RUNTIME              TRACING     TRACED        RSS COMMAND\n",
	      out);
	for (size_t i = 0; i < n; i++)
		print_process(out, &processes[i]);
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *traced_json(const struct report_process *process, uint64_t value)
{
	return is_traced(process) ? json_count(value) : json_null();
}

static json_t *process_json(const struct report_process *process)
{
	json_t *object = json_object(), *memory = json_object();
	const struct tm_status *status = &process->status;
	bool ok = process->permitted;

	json_object_set_new(object, "pid", json_integer(process->pid));
	json_object_set_new(object, "permitted", json_boolean(ok));
	json_object_set_new(object, "runtime", ok ?
			    json_string(status->runtime) : json_null());
	json_object_set_new(object, "unsupported",
			    json_bytes(process->unsupported));
	json_object_set_new(object, "tracing", ok && !process->unsupported ?
			    json_boolean(is_traced(process)) : json_null());
	json_object_set_new(object, "traceback_limit",
			    traced_json(process, status->traceback_limit));
	json_object_set_new(memory, "current",
			    traced_json(process, status->traced_current));
	json_object_set_new(memory, "peak",
			    traced_json(process, status->traced_peak));
	json_object_set_new(object, "traced_memory", memory);
	json_object_set_new(object, "rss", ok ? json_count(status->rss) :
						json_null());
	json_object_set_new(object, "command", json_bytes(process->command));
	return object;
}

static bool write_json(FILE *out, const struct report_process *processes,
		       size_t n, struct tm_err *err)
{
	json_t *report = json_report("tmattach-ps"), *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, process_json(&processes[i]));
	json_object_set_new(report, "processes", list);
	return json_report_write(report, 0, out, err);
}

/* ---- CSV -------------------------------------------------------------------- */

static void add_row(struct tm_buf *buf, const struct report_process *process)
{
	const struct tm_status *status = &process->status;
	bool on = is_traced(process);

	tm_buf_addf(buf, "%d,%d,", (int)process->pid, process->permitted);
	csv_add_bytes(buf, process->permitted ? status->runtime : "");
	tm_buf_addf(buf, ",%s,", !process->permitted || process->unsupported ? "" :
		    on ? "1" : "0");
	if (on)
		tm_buf_addf(buf, "%" PRIu64 ",%" PRIu64, status->traced_current,
			    status->traced_peak);
	else
		tm_buf_addc(buf, ',');
	tm_buf_addc(buf, ',');
	if (process->permitted)
		tm_buf_addf(buf, "%" PRIu64, status->rss);
	tm_buf_addc(buf, ',');
	csv_add_bytes(buf, process->command);
	tm_buf_addc(buf, ',');
	csv_add_bytes(buf, process->unsupported ? process->unsupported : "");
	tm_buf_adds(buf, "\r\n");
}

static bool write_csv(FILE *out, const struct report_process *processes, size_t n,
		      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

	tm_buf_adds(&buf, "pid,permitted,runtime,tracing,current,peak,rss,command,"
		    "unsupported\r\n");
	for (size_t i = 0; i < n; i++)
		add_row(&buf, &processes[i]);
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}

bool report_ps(const struct report *how, const struct report_process *processes,
	       size_t n, struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_text(how->out, processes, n);
		break;
	case REPORT_JSON:
		return write_json(how->out, processes, n, err);
	case REPORT_CSV:
		return write_csv(how->out, processes, n, err);
	}
	return true;
}
