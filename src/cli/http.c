#include "cli/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { MAX_CONNECTIONS = 16, TIMEOUT_S = 10 };

struct cli_http {
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock; /* guards the texts */
	struct tm_buf openmetrics, plain;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
			      struct MHD_Response *response, const char *type)
{
	enum MHD_Result done;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	done = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return done;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status,
			   const char *text)
{
	return answer(connection, status, MHD_create_response_from_buffer(
		      strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT),
		      "text/plain; charset=utf-8");
}

static enum MHD_Result serve(struct cli_http *http,
			     struct MHD_Connection *connection)
{
	const char *accept = MHD_lookup_connection_value(connection,
			MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool open = accept && strstr(accept, "application/openmetrics-text");
	const struct tm_buf *text = open ? &http->openmetrics : &http->plain;
	struct MHD_Response *response;

	pthread_mutex_lock(&http->lock);
	response = MHD_create_response_from_buffer(text->len,
			text->len ? text->data : "", MHD_RESPMEM_MUST_COPY);
	pthread_mutex_unlock(&http->lock);
	return answer(connection, MHD_HTTP_OK, response, open
		? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		: "text/plain; version=0.0.4; charset=utf-8");
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection,
			      const char *url, const char *method,
			      const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	static int seen;

	(void)version;
	(void)upload;
	/* The first call comes before a request's body. */
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
	if (strcmp(url, "/metrics") == 0)
		return serve(ctx, connection);
	if (strcmp(url, "/") == 0)
		return say(connection, MHD_HTTP_OK, "see /metrics\n");
	return say(connection, MHD_HTTP_NOT_FOUND, "not found: see /metrics\n");
}

static struct MHD_Daemon *listen_on(struct cli_http *http,
				    const struct addrinfo *address)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;
	struct MHD_Daemon *daemon;
	sigset_t all, before;

	if (address->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = 0;
	daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, http,
				  MHD_OPTION_SOCK_ADDR, address->ai_addr,
				  MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
				  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
				  MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
				  MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

struct cli_http *cli_http_start(const char *host, const char *port,
				struct tm_err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct cli_http *http;
	struct addrinfo *address;
	int failed = getaddrinfo(host, port, &hints, &address);

	if (failed) {
		tm_err_set(err, TM_ERR_USAGE, host, "not an address: %s",
			   gai_strerror(failed));
		return NULL;
	}
	http = tm_calloc(1, sizeof(*http));
	pthread_mutex_init(&http->lock, NULL);
	http->daemon = listen_on(http, address);
	failed = errno;
	freeaddrinfo(address);
	if (http->daemon)
		return http;
	free(http);
	tm_err_os(err, failed ? failed : EADDRINUSE, host, "cannot listen on port %s", port);
	return NULL;
}

void cli_http_stop(struct cli_http *http)
{
	if (!http)
		return;
	MHD_stop_daemon(http->daemon);
	tm_buf_free(&http->openmetrics);
	tm_buf_free(&http->plain);
	pthread_mutex_destroy(&http->lock);
	free(http);
}

uint16_t cli_http_port(const struct cli_http *http)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

void cli_http_publish(struct cli_http *http, const char *openmetrics, size_t nopen,
		      const char *plain, size_t nplain)
{
	pthread_mutex_lock(&http->lock);
	tm_buf_clear(&http->openmetrics);
	tm_buf_add(&http->openmetrics, openmetrics, nopen);
	tm_buf_clear(&http->plain);
	tm_buf_add(&http->plain, plain, nplain);
	pthread_mutex_unlock(&http->lock);
}
