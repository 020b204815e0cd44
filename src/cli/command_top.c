// imgrouter top: what a running server does, live on a terminal, once elsewhere.
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "api/summary_text.h"
#include "base/byte_buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/json_line.h"
#include "fetch/fetch.h"
#include "fetch/fetch_trusted.h"

enum {
    ADDRESS_SIZE = 512,
    ANSWER_MAX = 1024 * 1024,
    CONNECT_TIMEOUT_MS = 2000,
    ANSWER_TIMEOUT_MS = 3000,  // so long Ctrl-C may wait
    ROWS = 24,                 // of a terminal that does not tell its size
    COLUMNS = 80,
};

struct top {
    struct fetch_client *client;
    char address[ADDRESS_SIZE];
    char url[ADDRESS_SIZE + 32];
};

static bool keep_answer(void *context, long status, const void *bytes, size_t size,
                        struct error *err) {
    (void)status;
    return byte_buffer_append(context, bytes, size) ||
           error_set(err, ERROR_UPSTREAM, "the answer is too long");
}

static bool find_address(struct top *top, const struct settings *settings, struct error *err) {
    int length;
    if (settings->server != NULL) {
        size_t size = strlen(settings->server);
        while (size > 0 && settings->server[size - 1] == '/') size--;
        if (!url_check_server(settings->server, "--server", err)) return false;
        length = snprintf(top->address, sizeof top->address, "%.*s", (int)size, settings->server);
    } else {
        // One that listens everywhere also listens here.
        const char *host = settings->host;
        if (strcmp(host, "0.0.0.0") == 0 || host[0] == '\0') host = "127.0.0.1";
        if (strcmp(host, "::") == 0) host = "::1";
        bool is_bare = strchr(host, ':') != NULL && host[0] != '[';
        length = snprintf(top->address, sizeof top->address, "http://%s%s%s:%lld",
                          is_bare ? "[" : "", host, is_bare ? "]" : "", (long long)settings->port);
    }
    if (length < 0 || (size_t)length >= sizeof top->address)
        return error_set(err, ERROR_USAGE, "the address of the server is too long");
    (void)snprintf(top->url, sizeof top->url, "%s/metrics/summary?format=json", top->address);
    return true;
}

// NULL with an error that names the server.
static json_t *ask(struct top *top, struct error *err) {
    struct byte_buffer answer;
    struct error problem = {0};
    long status = 0;
    byte_buffer_init(&answer, ANSWER_MAX);
    struct fetch_request request = {.url = top->url,
                                    .is_direct_on_loopback = true,
                                    .takes_every_status = true,
                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                    .stall_timeout_ms = ANSWER_TIMEOUT_MS,
                                    .timeout_ms = ANSWER_TIMEOUT_MS,
                                    .sink = keep_answer,
                                    .context = &answer};
    json_t *json = NULL;
    if (!fetch_client_send(top->client, &request, &status, &problem)) {
        error_set(err, problem.kind,
                  "no server answers at %s: %s; start one with imgrouter serve, or name another "
                  "with --server",
                  top->address, problem.text);
    } else {
        json = json_loadb(answer.size > 0 ? answer.bytes : "", answer.size, 0, NULL);
        if (status != 200 || !json_is_object(json_object_get(json, "stages"))) {
            json_decref(json);
            json = NULL;
            error_set(err, ERROR_UPSTREAM,
                      "%s answers, but not GET /metrics/summary (status %ld); is it an imgrouter "
                      "of this version?",
                      top->address, status);
        }
    }
    byte_buffer_clear(&answer);
    return json;
}

static bool print_once(struct top *top, bool is_json, struct error *err) {
    json_t *json = ask(top, err);
    if (json == NULL) return false;
    if (is_json) {
        json_line_print(json);
        return true;
    }
    size_t size;
    char *text = summary_text_create(&(struct summary_view){.now = json}, &size);
    json_decref(json);
    if (text == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    (void)fwrite(text, 1, size, stdout);
    memory_free(text);
    return true;
}

// As many rows and columns as fit, each row cleared behind. A character of UTF-8 counts one.
static void draw(const char *text) {
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    unsigned rows = is_known ? size.ws_row : ROWS;
    unsigned columns = is_known && size.ws_col > 0 ? size.ws_col : COLUMNS;
    (void)fputs("\033[H", stdout);
    for (unsigned row = 0; row < rows && *text != '\0'; row++) {
        unsigned column = 0;
        if (row > 0) (void)putchar('\n');
        for (; *text != '\0' && *text != '\n'; text++) {
            bool is_inner = ((unsigned char)*text & 0xc0) == 0x80;
            if (!is_inner) column++;
            if (column <= columns) (void)putchar(*text);
        }
        if (*text == '\n') text++;
        (void)fputs("\033[K", stdout);
    }
    (void)fputs("\033[J", stdout);
    (void)fflush(stdout);
}

static void draw_answer(const json_t *now, const json_t *before, double seconds) {
    size_t size;
    char *text = summary_text_create(
        &(struct summary_view){.now = now, .before = before, .seconds = seconds}, &size);
    if (text != NULL) draw(text);
    memory_free(text);
}

// Until one of the signals, which end it, or a second has passed; a changed window draws at once.
static bool wait_a_second(const sigset_t *signals) {
    int number = sigtimedwait(signals, NULL, &(struct timespec){.tv_sec = 1});
    return number < 0 || number == SIGWINCH;
}

static void watch(struct top *top, json_t *before, const sigset_t *signals) {
    int64_t before_ns = clock_monotonic_ns();
    draw_answer(before, NULL, 0);
    while (wait_a_second(signals)) {
        struct error problem = {0};
        json_t *now = ask(top, &problem);
        int64_t now_ns = clock_monotonic_ns();
        if (now == NULL) {  // it may come back: rates are from the last answer
            draw(problem.text);
            continue;
        }
        draw_answer(now, before, (double)(now_ns - before_ns) / 1e9);
        json_decref(before);
        before = now;
        before_ns = now_ns;
    }
    json_decref(before);
}

// On the terminal's other screen, without cursor and echo; all as it was afterwards.
static bool show_live(struct top *top, struct error *err) {
    sigset_t signals;
    (void)sigemptyset(&signals);
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) (void)sigaddset(&signals, ends[i]);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    json_t *first = ask(top, err);
    if (first == NULL) return false;
    struct termios former;
    bool has_former = tcgetattr(STDIN_FILENO, &former) == 0;
    if (has_former) {
        struct termios quiet = former;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    }
    (void)fputs("\033[?1049h\033[?25l", stdout);
    watch(top, first, &signals);
    (void)fputs("\033[?25h\033[?1049l", stdout);
    (void)fflush(stdout);
    // What was typed meanwhile is not for the shell.
    if (has_former) (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &former);
    return true;
}

int command_top(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    struct top top = {0};
    if (input->word_count > 0) {
        error_set(&err, ERROR_USAGE, "top takes options only, not \"%s\"", input->words[0]);
        return command_fail(&err);
    }
    bool is_done = find_address(&top, settings, &err) && fetch_global_init(&err) &&
                   (top.client = fetch_client_create(&err)) != NULL &&
                   (!settings->is_json && isatty(STDOUT_FILENO) == 1
                        ? show_live(&top, &err)
                        : print_once(&top, settings->is_json, &err));
    fetch_client_destroy(top.client);
    fetch_global_cleanup();
    return is_done ? 0 : command_fail(&err);
}
