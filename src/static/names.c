/*
 * The name service of the C library loads libraries. Nothing here needs one:
 * libevent asks for the text of a peer's address, all else is refused.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>

int __wrap_getaddrinfo(const char *host, const char *service,
		       const struct addrinfo *hints, struct addrinfo **ret);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __wrap_getnameinfo(const struct sockaddr *address, socklen_t len, char *host,
		       socklen_t host_size, char *service, socklen_t service_size,
		       int flags);
struct servent *__wrap_getservbyname(const char *name, const char *protocol);
struct protoent *__wrap_getprotobynumber(int number);

int __wrap_getaddrinfo(const char *host, const char *service,
		       const struct addrinfo *hints, struct addrinfo **ret)
{
	(void)host;
	(void)service;
	(void)hints;
	*ret = NULL;
	return EAI_FAIL;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

int __wrap_getnameinfo(const struct sockaddr *address, socklen_t len, char *host,
		       socklen_t host_size, char *service, socklen_t service_size,
		       int flags)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	bool six = address->sa_family == AF_INET6;
	const void *bytes = six ? (const void *)&v6->sin6_addr : &v4->sin_addr;

	(void)flags;
	if (len < (six ? sizeof(*v6) : sizeof(*v4)) ||
	    !inet_ntop(address->sa_family, bytes, host, host_size))
		return EAI_FAMILY;
	snprintf(service, service_size, "%u",
		 ntohs(six ? v6->sin6_port : v4->sin_port));
	return 0;
}

struct servent *__wrap_getservbyname(const char *name, const char *protocol)
{
	(void)name;
	(void)protocol;
	return NULL;
}

struct protoent *__wrap_getprotobynumber(int number)
{
	(void)number;
	return NULL;
}
