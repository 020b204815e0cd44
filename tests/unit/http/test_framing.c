// Where a request ends: bytes that two readers could cut differently must be refused and the
// connection closed, so that what follows is never taken for a request. Raw bytes in, status out.
//
// Known of libmicrohttpd 0.9 (Debian 12), which reads headers before we see them, and set right
// by 1.0 (Debian 13): lines may end in LF alone, a header's value ends at a NUL, a folded header
// is glued to its name, a header without a name ends the headers. Those cases are not in here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_fixture.h"

#define HEAD "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
// Answered "instant" when somebody takes it for a request.
#define SMUGGLED "GET /instant HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

enum { ANY_ERROR = 4 };  // a 4xx or 5xx, or a connection closed without a word

static const struct framing_case {
    const char *name;
    const char *bytes;
    int status;
} refused[] = {
    {"length and chunked",
     HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400},
    {"chunked and length",
     HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED, 400},
    {"two lengths that differ", HEAD "Content-Length: 0\r\nContent-Length: 5\r\n\r\nabcde" SMUGGLED,
     400},
    {"two lengths alike", HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde" SMUGGLED, 400},
    {"list of lengths", HEAD "Content-Length: 5, 5\r\n\r\nabcde" SMUGGLED, 400},
    {"length with a sign", HEAD "Content-Length: +5\r\n\r\nabcde" SMUGGLED, 400},
    {"negative length", HEAD "Content-Length: -5\r\n\r\nabcde" SMUGGLED, 400},
    {"hexadecimal length", HEAD "Content-Length: 0x5\r\n\r\nabcde" SMUGGLED, 400},
    {"empty length", HEAD "Content-Length: \r\n\r\n" SMUGGLED, 400},
    {"length beyond 64 bits", HEAD "Content-Length: 99999999999999999999999\r\n\r\n" SMUGGLED, 413},
    {"length of 64 bits", HEAD "Content-Length: 18446744073709551615\r\n\r\n" SMUGGLED, 413},
    {"blank before the colon", HEAD "Content-Length : 5\r\n\r\nabcde" SMUGGLED, 400},
    {"folded length", HEAD "Content-Length:\r\n 5\r\n\r\nabcde" SMUGGLED, 400},
    {"folded encoding", HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400},
    {"gzip", HEAD "Transfer-Encoding: gzip\r\n\r\nabcde" SMUGGLED, 400},
    {"gzip and chunked", HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400},
    {"two encodings",
     HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" SMUGGLED,
     400},
    {"odd encoding", HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400},
    {"chunked in HTTP/1.0",
     "POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400},
    {"bare carriage return in a value", HEAD "X-A: b\rc\r\n\r\n" SMUGGLED, 400},
    {"carriage return for a line end", "GET /echo HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n" SMUGGLED,
     400},
    {"control character in a value", HEAD "X-A: \x01\r\n\r\n" SMUGGLED, 400},
    {"header without colon", HEAD "broken\r\n\r\n" SMUGGLED, 400},
    {"blank in a header's name", HEAD "X A: b\r\n\r\n" SMUGGLED, 400},
    {"no host", "GET /echo HTTP/1.1\r\n\r\n" SMUGGLED, 400},
    {"two hosts", "GET /echo HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" SMUGGLED, 400},
    {"version 9.9", "GET /echo HTTP/9.9\r\nHost: x\r\n\r\n" SMUGGLED, 505},
    {"version 0.9", "GET /echo\r\n\r\n" SMUGGLED, 400},
    {"version in small letters", "GET /echo http/1.1\r\nHost: x\r\n\r\n" SMUGGLED, ANY_ERROR},
    {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ANY_ERROR},
    {"blank in the address", "GET /ec ho HTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED, ANY_ERROR},
    {"tabs between the parts", "GET\t/echo\tHTTP/1.1\r\nHost: x\r\n\r\n" SMUGGLED, ANY_ERROR},
    {"TLS", "\x16\x03\x01\x02\r\n\r\n", ANY_ERROR},
    {"chunk size of letters", CHUNKED "zz\r\nabc\r\n0\r\n\r\n" SMUGGLED, 400},
    {"negative chunk size", CHUNKED "-3\r\nabc\r\n0\r\n\r\n" SMUGGLED, 400},
    {"chunk size with 0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n" SMUGGLED, 400},
    {"empty chunk size", CHUNKED "\r\nabc\r\n0\r\n\r\n" SMUGGLED, 400},
    {"chunk size beyond 64 bits", CHUNKED "fffffffffffffffff\r\nabc\r\n0\r\n\r\n" SMUGGLED, 413},
    {"chunk longer than its size", CHUNKED "3\r\nabcX\r\n0\r\n\r\n" SMUGGLED, 400},
};

static struct fixture fixture;

static int start(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_stop(&fixture, 1000);
    return 0;
}

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct framing_case *one = &refused[i];
        int fd = client_connect(&fixture);
        client_send_text(fd, one->bytes);
        bool is_closed;
        char *answer = client_read_all(fd, 5000, &is_closed);
        (void)close(fd);
        int status = answer_status(answer);
        if (!is_closed) fail_msg("%s: left open: %s", one->name, answer);
        if (strstr(answer, "instant") != NULL) fail_msg("%s: smuggled: %s", one->name, answer);
        bool is_right =
            one->status == ANY_ERROR ? status == 0 || status >= 400 : status == one->status;
        if (!is_right) fail_msg("%s: wanted %d, got: %s", one->name, one->status, answer);
        memory_free(answer);
    }
}

static void test_oversized_heads(void **state) {
    (void)state;
    enum { LONG = 100 * 1024 };
    char *bytes = memory_alloc(LONG + 64);
    memset(bytes, 'a', LONG);
    bytes[LONG] = '\0';
    static const struct {
        const char *before;
        const char *after;
        int status;
    } cases[] = {
        {"GET /", " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
        {"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: ", "\r\n\r\n", 431},
        {"GET /echo HTTP/1.1\r\nHost: x\r\n", ": b\r\n\r\n", 431},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;", "\r\nabc\r\n",
         ANY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = client_connect(&fixture);
        client_send_text(fd, cases[i].before);
        client_send(fd, bytes, LONG);
        client_send_text(fd, cases[i].after);
        bool is_closed;
        // libmicrohttpd 1.0 waits for the end of a chunk's extension until the request's time is
        // up.
        char *answer = client_read_all(fd, 20000, &is_closed);
        int status = answer_status(answer);
        assert_true(is_closed);
        assert_true(cases[i].status == ANY_ERROR ? status == 0 || status >= 400
                                                 : status == cases[i].status);
        memory_free(answer);
        (void)close(fd);
    }
    memory_free(bytes);
}

// Odd, but one request without doubt.
static void test_accepted(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *body;
    } cases[] = {
        {CHUNKED "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", "abcdefg"},
        {CHUNKED "0003\r\nabc\r\n000\r\n\r\n", "abc"},
        {CHUNKED "A\r\n0123456789\r\n0\r\nContent-Length: 99\r\nX-Trailer: y\r\n\r\n",
         "0123456789"},
        {HEAD "transfer-ENCODING: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n", "x"},
        {HEAD "CONTENT-length:   3\r\n\r\nabc", "abc"},
        {HEAD "Content-Length: 0003\r\n\r\nabc", "abc"},
        {"\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "x"},
        {"GET /instant HTTP/1.0\r\n\r\n", "instant"},
        {"GET /instant HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
         "instant"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *answer = client_exchange(&fixture, cases[i].bytes);
        if (answer_status(answer) != 200 || strcmp(answer_body(answer), cases[i].body) != 0)
            fail_msg("case %zu: %s", i, answer);
        memory_free(answer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_oversized_heads),
        cmocka_unit_test(test_accepted),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
