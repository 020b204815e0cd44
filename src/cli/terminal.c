#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    ANSWER_TIMEOUT_MS = 500,  // a terminal answers within a few; this is for slow lines
    ANSWER_SIZE = 256,
    CELL_HEIGHT_GUESS = 20,
    ATTRIBUTE_SIXEL = 4,  // among those that a terminal names: DEC's code for sixels
};

static const char *const colour_codes[COLOUR_COUNT] = {
    [COLOUR_STRONG] = "\033[1m", [COLOUR_FAINT] = "\033[2m", [COLOUR_BAD] = "\033[31m"};

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

static bool is_set(const char *name) { return environment(name)[0] != '\0'; }

static bool is_dumb(void) { return !is_set("TERM") || strcmp(environment("TERM"), "dumb") == 0; }

bool terminal_has_colour(FILE *out) {
    return isatty(fileno(out)) == 1 && !is_set("NO_COLOR") && !is_dumb();
}

void terminal_print(FILE *out, enum terminal_colour colour, const char *text) {
    bool is_coloured = colour != COLOUR_PLAIN && terminal_has_colour(out);
    if (is_coloured) (void)fputs(colour_codes[colour], out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        // U+0080 to U+009F steer too.
        bool is_second_half = *c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        (void)fputc(*c < 0x20 || *c == 0x7f || is_second_half ? '?' : *c, out);
        if (is_second_half) c++;
    }
    if (is_coloured) (void)fputs("\033[0m", out);
}

static enum terminal_pictures pictures_known(void) {
    static const struct {
        const char *variable;
        const char *value;  // NULL: any
        enum terminal_pictures pictures;
    } known[] = {
        {"TERM", "xterm-kitty", PICTURES_KITTY},       {"TERM", "xterm-ghostty", PICTURES_KITTY},
        {"KITTY_WINDOW_ID", NULL, PICTURES_KITTY},     {"TERM_PROGRAM", "ghostty", PICTURES_KITTY},
        {"TERM_PROGRAM", "iTerm.app", PICTURES_ITERM}, {"LC_TERMINAL", "iTerm2", PICTURES_ITERM},
        {"TERM_PROGRAM", "WezTerm", PICTURES_ITERM},
    };
    // Within tmux and screen these variables tell of the terminal around, which sees no picture.
    const char *term = environment("TERM");
    if (is_set("TMUX") || is_set("STY") || strncmp(term, "tmux", 4) == 0 ||
        strncmp(term, "screen", 6) == 0)
        return PICTURES_NONE;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *value = known[i].value;
        if (value == NULL ? is_set(known[i].variable)
                          : strcmp(environment(known[i].variable), value) == 0)
            return known[i].pictures;
    }
    return PICTURES_NONE;
}

// What follows "ESC [ ?" up to the "c" of "ESC [ ? 62 ; 4 ; 22 c"; keys typed meanwhile may be
// around it. NULL: not all of it is there.
static const char *attributes_find(const char *answer, size_t *length) {
    const char *start = strstr(answer, "\033[?");
    if (start == NULL) return NULL;
    start += 3;
    *length = strspn(start, "0123456789;");
    return start[*length] == 'c' ? start : NULL;
}

static bool names_sixel(const char *answer) {
    size_t length;
    const char *at = attributes_find(answer, &length);
    if (at == NULL) return false;
    for (const char *end = at + length; at < end; at++) {
        char *after;
        if (strtol(at, &after, 10) == ATTRIBUTE_SIXEL) return true;
        at = after > at ? after : at;
    }
    return false;
}

static void answer_read(int file, char answer[static ANSWER_SIZE]) {
    int64_t started = clock_monotonic_ns();
    size_t used = 0, length;
    answer[0] = '\0';
    while (attributes_find(answer, &length) == NULL && used < ANSWER_SIZE - 1) {
        int left = ANSWER_TIMEOUT_MS - (int)clock_ms_since(started);
        struct pollfd poll_file = {.fd = file, .events = POLLIN};
        if (left <= 0 || poll(&poll_file, 1, left) <= 0) return;
        ssize_t count = read(file, answer + used, ANSWER_SIZE - 1 - used);
        if (count <= 0) return;
        used += (size_t)count;
        answer[used] = '\0';
    }
}

// Asks for the terminal's primary device attributes. What changes on it meanwhile is undone before
// a signal can end us.
static bool answers_sixel(void) {
    static const char question[] = "\033[c";
    char answer[ANSWER_SIZE] = "";
    struct termios before, quiet;
    sigset_t all, held;
    int file = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    // In the background a change of the terminal would stop us.
    bool is_ours = file >= 0 && tcgetpgrp(file) == getpgrp() && tcgetattr(file, &before) == 0;
    if (is_ours) {
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_BLOCK, &all, &held);
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        quiet.c_cc[VMIN] = 0;
        quiet.c_cc[VTIME] = 0;
        if (tcsetattr(file, TCSANOW, &quiet) == 0 &&
            write(file, question, sizeof question - 1) == (ssize_t)(sizeof question - 1))
            answer_read(file, answer);
        (void)tcsetattr(file, TCSANOW, &before);
        (void)pthread_sigmask(SIG_SETMASK, &held, NULL);
    }
    if (file >= 0) (void)close(file);
    return names_sixel(answer);
}

static uint32_t cell_height(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ||
        size.ws_ypixel < size.ws_row)
        return CELL_HEIGHT_GUESS;
    return (uint32_t)(size.ws_ypixel / size.ws_row);
}

bool terminal_find(struct terminal *terminal, const char *choice, bool is_json, struct error *err) {
    bool is_always = strcmp(choice, "always") == 0, is_never = strcmp(choice, "never") == 0;
    *terminal = (struct terminal){.pictures = PICTURES_NONE};
    if (!is_always && !is_never && strcmp(choice, "auto") != 0)
        return error_set(err, ERROR_USAGE, "--pictures must be auto, always or never, not \"%s\"",
                         choice);
    bool is_wanted = !is_never && !is_json && (is_always || !is_dumb());
    if (!is_wanted || isatty(STDOUT_FILENO) != 1) return true;
    terminal->cell_height = cell_height();
    terminal->pictures = pictures_known();
    if (terminal->pictures == PICTURES_NONE && (is_always || answers_sixel()))
        terminal->pictures = PICTURES_SIXEL;
    return true;
}
