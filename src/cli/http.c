#include "cli/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"

enum {
	MAX_CONNECTIONS = 16, TIMEOUT_S = 10, BACKLOG = 32,
	SWEEP_MS = 50, MAX_HEADERS = 16384, MAX_BODY = 65536,
};

struct cli_http {
	struct event_base *base;
	struct evhttp *server;
	struct evconnlistener *listener; /* the server's */
	struct event *ending, *sweeping;
	int end;                         /* an eventfd: the thread is to end */
	uint16_t port;
	struct bufferevent *connections[MAX_CONNECTIONS];
	unsigned nconnections;           /* the thread's alone */
	pthread_t thread;
	pthread_mutex_t lock;            /* guards the texts */
	struct tm_buf openmetrics, plain;
};

/* ---- what is answered -------------------------------------------------------- */

static void answer(struct evhttp_request *request, int status, const char *reason,
		   const char *type)
{
	evhttp_add_header(evhttp_request_get_output_headers(request),
			  "Content-Type", type);
	evhttp_send_reply(request, status, reason, NULL);
}

static void say(struct evhttp_request *request, int status, const char *reason,
		const char *text)
{
	evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
	answer(request, status, reason, "text/plain; charset=utf-8");
}

static void serve(struct cli_http *http, struct evhttp_request *request)
{
	const char *accept = evhttp_find_header(
			evhttp_request_get_input_headers(request), "Accept");
	bool open = accept && strstr(accept, "application/openmetrics-text");
	const struct tm_buf *text = open ? &http->openmetrics : &http->plain;

	pthread_mutex_lock(&http->lock);
	evbuffer_add(evhttp_request_get_output_buffer(request), text->data, text->len);
	pthread_mutex_unlock(&http->lock);
	answer(request, HTTP_OK, "OK", open
	       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	       : "text/plain; version=0.0.4; charset=utf-8");
}

static void handle(struct evhttp_request *request, void *ctx)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD)
		say(request, HTTP_BADMETHOD, "Method Not Allowed", "GET only\n");
	else if (path && strcmp(path, "/metrics") == 0)
		serve(ctx, request);
	else if (path && strcmp(path, "/") == 0)
		say(request, HTTP_OK, "OK", "see /metrics\n");
	else
		say(request, HTTP_NOTFOUND, "Not Found", "not found: see /metrics\n");
}

/* ---- connections ------------------------------------------------------------- */

/* evhttp has freed it when only we hold it: it makes no more calls. */
static bool has_ended(struct bufferevent *connection)
{
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *ctx;

	bufferevent_getcb(connection, &read, &write, &event, &ctx);
	return !read && !write && !event;
}

static void drop_ended(struct cli_http *http)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < http->nconnections; i++) {
		if (has_ended(http->connections[i]))
			bufferevent_decref(http->connections[i]);
		else
			http->connections[kept++] = http->connections[i];
	}
	http->nconnections = kept;
}

static void sweep(int fd, short what, void *ctx)
{
	const struct timeval soon = { .tv_usec = SWEEP_MS * 1000 };
	struct cli_http *http = ctx;

	(void)fd;
	(void)what;
	drop_ended(http);
	if (http->nconnections < MAX_CONNECTIONS)
		evconnlistener_enable(http->listener);
	if (http->nconnections)
		event_add(http->sweeping, &soon);
}

/*
 * evhttp does not count connections, nor report when one ends: so we hold each
 * and look whether it has been freed. At the limit the next ones wait in the
 * backlog.
 */
static struct bufferevent *connection_begins(struct event_base *base, void *ctx)
{
	struct cli_http *http = ctx;
	struct bufferevent *connection;

	connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!connection || http->nconnections == MAX_CONNECTIONS)
		return connection;
	event_active(http->sweeping, 0, 0);
	bufferevent_incref(connection);
	http->connections[http->nconnections++] = connection;
	if (http->nconnections == MAX_CONNECTIONS)
		evconnlistener_disable(http->listener);
	return connection;
}

/* ---- its socket and its thread ----------------------------------------------- */

/* Not by getaddrinfo(): even for a numeric address it loads libraries. */
static socklen_t read_address(const char *host, const char *port,
			      struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	char *end;
	unsigned long number = strtoul(port, &end, 10);

	*ret = (struct sockaddr_storage){ 0 };
	if (end == port || *end || number > UINT16_MAX)
		return 0;
	if (evutil_inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)number);
		return sizeof(*v4);
	}
	if (evutil_inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)number);
		return sizeof(*v6);
	}
	return 0;
}

static int listen_on(const struct sockaddr_storage *address, socklen_t len)
{
	TM_GUARD(tm_fd_close) int fd = socket(address->ss_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)address, len) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -1;
	return tm_fd_take(&fd);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6
		     ? ((struct sockaddr_in6 *)&address)->sin6_port
		     : ((struct sockaddr_in *)&address)->sin_port);
}

static void end_thread(int fd, short what, void *ctx)
{
	struct cli_http *http = ctx;

	(void)fd;
	(void)what;
	event_base_loopbreak(http->base);
}

static void *run(void *ctx)
{
	struct cli_http *http = ctx;

	event_base_dispatch(http->base);
	return NULL;
}

/* The server takes the socket over once it has a listener for it. */
static bool prepare(struct cli_http *http, int *fd)
{
	http->base = event_base_new();
	http->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!http->base || http->end < 0)
		return false;
	http->server = evhttp_new(http->base);
	http->ending = event_new(http->base, http->end, EV_READ, end_thread, http);
	http->sweeping = event_new(http->base, -1, 0, sweep, http);
	if (!http->server || !http->ending || !http->sweeping || event_add(http->ending, NULL) < 0)
		return false;
	http->listener = evconnlistener_new(http->base, NULL, NULL,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, *fd);
	if (!http->listener)
		return false;
	http->port = port_of(tm_fd_take(fd));
	if (!evhttp_bind_listener(http->server, http->listener)) {
		evconnlistener_free(http->listener);
		return false;
	}
	evhttp_set_allowed_methods(http->server, (ev_uint16_t)~0);
	evhttp_set_timeout(http->server, TIMEOUT_S);
	evhttp_set_max_headers_size(http->server, MAX_HEADERS);
	evhttp_set_max_body_size(http->server, MAX_BODY);
	evhttp_set_bevcb(http->server, connection_begins, http);
	evhttp_set_gencb(http->server, handle, http);
	return true;
}

static bool start_thread(struct cli_http *http)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&http->thread, NULL, run, http);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = failed;
	return !failed;
}

static void drop(struct cli_http *http)
{
	if (http->server)
		evhttp_free(http->server);
	drop_ended(http);
	if (http->sweeping)
		event_free(http->sweeping);
	if (http->ending)
		event_free(http->ending);
	if (http->base)
		event_base_free(http->base);
	tm_fd_close(&http->end);
	tm_buf_free(&http->openmetrics);
	tm_buf_free(&http->plain);
	pthread_mutex_destroy(&http->lock);
	free(http);
}

struct cli_http *cli_http_start(const char *host, const char *port,
				struct tm_err *err)
{
	struct sockaddr_storage address;
	socklen_t len = read_address(host, port, &address);
	struct cli_http *http;

	if (!len) {
		tm_err_set(err, TM_ERR_USAGE, host, "not an address and a port");
		return NULL;
	}
	TM_GUARD(tm_fd_close) int fd = listen_on(&address, len);
	if (fd < 0) {
		tm_err_os(err, errno, host, "cannot listen on port %s", port);
		return NULL;
	}
	http = tm_calloc(1, sizeof(*http));
	http->end = -1;
	pthread_mutex_init(&http->lock, NULL);
	errno = ENOMEM;
	if (prepare(http, &fd) && start_thread(http))
		return http;
	tm_err_os(err, errno, host, "cannot serve port %s", port);
	drop(http);
	return NULL;
}

void cli_http_stop(struct cli_http *http)
{
	if (!http)
		return;
	eventfd_write(http->end, 1);
	pthread_join(http->thread, NULL);
	drop(http);
}

uint16_t cli_http_port(const struct cli_http *http)
{
	return http->port;
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
