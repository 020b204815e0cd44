#define _GNU_SOURCE  // environ
#include "heif_stand_in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "image/heif_child.h"
#include "image/heif_protocol.h"
#include "image/heif_sandbox.h"

static void send_bytes(const void *bytes, size_t size) {
    if (write(STDOUT_FILENO, bytes, size) != (ssize_t)size) _exit(3);
}

static void send_header(uint32_t magic, uint32_t kind, uint32_t width, uint32_t height,
                        uint32_t text_size) {
    const uint32_t numbers[] = {magic, kind, width, height, text_size};
    uint8_t header[sizeof numbers];
    for (size_t i = 0; i < sizeof header; i++) header[i] = (uint8_t)(numbers[i / 4] >> i % 4 * 8);
    send_bytes(header, sizeof header);
}

enum { MAGIC = 0x46494548 };
static const uint8_t zeros[4096];

static void send_nothing(void) {}
static void send_half_header(void) { send_bytes("HEIF\0\0\0\0", 8); }
static void send_wrong_magic(void) { send_header(MAGIC + 1, 0, 2, 2, 0), send_bytes(zeros, 12); }
static void claim_no_width(void) { send_header(MAGIC, 0, 0, 2, 0); }
static void claim_everything(void) { send_header(MAGIC, 0, UINT32_MAX, UINT32_MAX, 0); }
static void claim_wide(void) { send_header(MAGIC, 0, 65536, 1, 0), send_bytes(zeros, 4096); }
static void claim_one_too_many(void) { send_header(MAGIC, 0, 8000, 8001, 0); }
static void claim_pixels_and_text(void) { send_header(MAGIC, 0, 2, 2, 9), send_bytes(zeros, 21); }
static void send_half(void) { send_header(MAGIC, 0, 64, 32, 0), send_bytes(zeros, 3072); }
static void send_one_more(void) { send_header(MAGIC, 0, 2, 2, 0), send_bytes(zeros, 13); }
static void claim_unknown_kind(void) { send_header(MAGIC, 999, 0, 0, 4), send_bytes("what", 4); }
static void claim_no_text(void) { send_header(MAGIC, ERROR_INVALID, 0, 0, 0); }
static void claim_long_text(void) {
    send_header(MAGIC, ERROR_INVALID, 0, 0, ERROR_TEXT_SIZE), send_bytes(zeros, ERROR_TEXT_SIZE);
}
static void send_more_text(void) {
    send_header(MAGIC, ERROR_INVALID, 0, 0, 4), send_bytes("whatever", 8);
}
static void send_control_characters(void) {
    send_header(MAGIC, ERROR_UNSUPPORTED, 0, 0, 6), send_bytes("\x1b[2J\xff\n", 6);
}
static void lie_and_stay(void) {
    send_header(MAGIC, 0, 65536, 65536, 0);
    (void)poll(NULL, 0, -1);
}
static void close_and_stay(void) {
    (void)close(STDOUT_FILENO);
    (void)poll(NULL, 0, -1);
}
static void fill_the_pipe(void) {
    send_header(MAGIC, 0, 2, 2, 0);
    for (;;) send_bytes(zeros, sizeof zeros);
}
static void abort_itself(void) {
    (void)signal(SIGABRT, SIG_DFL);
    (void)raise(SIGABRT);
}

static int descriptors_open(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) _exit(3);
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (entry->d_name[0] != '.') count++;
    (void)closedir(folder);
    return count - 1;  // the folder itself
}

// Its width tells the number of variables and blocked signals, its height that of descriptors.
static void send_what_was_inherited(void) {
    size_t variables = 0;
    while (environ[variables] != NULL) variables++;
    sigset_t blocked;
    (void)sigprocmask(SIG_SETMASK, NULL, &blocked);
    if (sigismember(&blocked, SIGTERM)) variables++;
    uint32_t width = (uint32_t)variables + 1, height = (uint32_t)descriptors_open();
    send_header(MAGIC, 0, width, height, 0);
    send_bytes(zeros, (size_t)width * height * 3);
}

static bool can_map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    return munmap(memory, size) == 0;
}

static bool can_fork(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    return pid > 0;
}

// Answers with an error whose text lists what a confined child should not have been able to do.
static void escape(void) {
    enum { PIXELS_MAX = 10 * 1000 * 1000, MEBIBYTE = 1 << 20 };
    struct error err = {.kind = ERROR_CONFLICT};
    (void)signal(SIGXFSZ, SIG_IGN);  // a failed write is enough to know
    int memory_file = memfd_create("grows", 0);
    bool is_confined = heif_sandbox_enter(PIXELS_MAX, 1000);
    bool has_little = can_map(64 * MEBIBYTE);
    bool has_too_much = can_map(192 * MEBIBYTE);
    heif_sandbox_allow(PIXELS_MAX);
    bool has_more = can_map(192 * MEBIBYTE);
    bool has_far_too_much = can_map(512 * MEBIBYTE);
    bool can_grow = write(memory_file, "x", 1) == 1;
    bool can_open = open("/dev/null", O_RDONLY) >= 0;
    bool can_connect = socket(AF_INET, SOCK_STREAM, 0) >= 0;
    (void)snprintf(err.text, sizeof err.text, "done:%s%s%s%s%s%s%s%s%s", is_confined ? "" : " free",
                   has_little ? "" : " starved", has_too_much ? " map-early" : "",
                   has_more ? "" : " starved-later", has_far_too_much ? " map" : "",
                   can_grow ? " grow" : "", can_open ? " open" : "", can_connect ? " socket" : "",
                   can_fork() ? " fork" : "");
    (void)heif_reply_write(STDOUT_FILENO, NULL, &err);
}

static const struct {
    const char *request;
    void (*play)(void);
} rows[] = {
    {"nothing", send_nothing},
    {"half header", send_half_header},
    {"wrong magic", send_wrong_magic},
    {"no width", claim_no_width},
    {"everything", claim_everything},
    {"wide", claim_wide},
    {"one too many", claim_one_too_many},
    {"pixels and text", claim_pixels_and_text},
    {"half", send_half},
    {"one more", send_one_more},
    {"unknown kind", claim_unknown_kind},
    {"no text", claim_no_text},
    {"long text", claim_long_text},
    {"more text", send_more_text},
    {"control characters", send_control_characters},
    {"lie and stay", lie_and_stay},
    {"close and stay", close_and_stay},
    {"fill the pipe", fill_the_pipe},
    {"abort", abort_itself},
    {"inherited", send_what_was_inherited},
    {"escape", escape},
};

int heif_stand_in_main(void) {
    struct heif_request request;
    if (!heif_request_open(&request, STDIN_FILENO, NULL)) return 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strlen(rows[i].request) != request.size ||
            memcmp(rows[i].request, request.bytes, request.size) != 0)
            continue;
        rows[i].play();
        return 0;
    }
    return heif_child_serve(STDIN_FILENO, STDOUT_FILENO) ? 0 : 1;
}
