#include "http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 511 };  // connections not accepted yet; the usual value of web servers

static bool report(const char *host, uint16_t port, int code, struct error *err) {
    const char *advice = "choose another one with --host and --port";
    if (code == EADDRINUSE) advice = "stop the other program or choose another port with --port";
    if (code == EACCES) advice = "ports below 1024 need rights; choose a higher one with --port";
    if (code == EADDRNOTAVAIL) advice = "this machine has no such address; choose one with --host";
    // The C library's sentences begin with a capital; ours go on after a colon.
    char reason[128];
    if (code == EADDRINUSE)
        (void)snprintf(reason, sizeof reason, "address already in use");
    else
        (void)snprintf(reason, sizeof reason, "%s", strerror(code));
    bool is_ipv6 = strchr(host, ':') != NULL;
    return error_set(err, ERROR_UNAVAILABLE, "cannot listen on %s%s%s:%u: %s; %s",
                     is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", (unsigned)port, reason, advice);
}

static uint16_t port_of(int socket_fd) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(socket_fd, (struct sockaddr *)&address, &size) != 0) return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}

int listener_open(const char *host, uint16_t port, uint16_t *bound_port, struct error *err) {
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, service, &hints, &found);
    if (failure != 0) {
        error_set(err, ERROR_USAGE, "cannot listen on %s: %s; give an address with --host", host,
                  gai_strerror(failure));
        return -1;
    }
    int code = 0;
    int result = -1;
    const int on = 1;
    const int off = 0;
    int fd = socket(found->ai_family, SOCK_STREAM, 0);
    if (fd < 0) goto failed;
    // Starting again right after a stop must not wait for old connections to be forgotten.
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (found->ai_family == AF_INET6)  // "::" takes IPv4 as well
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // Several event threads accept from it: whoever comes too late must not block.
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) goto failed;
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        goto failed;
    *bound_port = port_of(fd);
    result = fd;
    goto out;
failed:
    code = errno;
    if (fd >= 0) (void)close(fd);
    report(host, port, code, err);
out:
    freeaddrinfo(found);
    return result;
}
