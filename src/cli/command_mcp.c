// A server of the Model Context Protocol for one client, which started it: messages on standard
// input and output, everything else on standard error.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/mcp_backend.h"
#include "base/log.h"
#include "base/processors.h"
#include "cli/command.h"
#include "cli/engine_setup.h"
#include "cli/mcp_paths.h"
#include "cli/mcp_remote.h"
#include "cli/service_setup.h"
#include "cli/version.h"
#include "fetch/fetch.h"
#include "mcp/stdio.h"

enum { EXTRA_THREADS = 2 };  // beside those that compute: they wait for addresses and the disk

static void note_signal(int number) { (void)number; }  // it only has to end the wait for input

// SIGTERM and SIGINT come through only where input is waited for; a second one ends the program.
static void signals_prepare(sigset_t *waiting) {
    sigset_t blocked;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigaddset(&blocked, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, waiting);
    (void)sigdelset(waiting, SIGTERM);
    (void)sigdelset(waiting, SIGINT);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

// Standard output for the protocol alone: what anything else prints goes to standard error.
static int output_take(struct error *err) {
    int output = dup(STDOUT_FILENO);
    if (output >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) return output;
    error_set(err, ERROR_INTERNAL, "standard output cannot be used: %s", strerror(errno));
    return -1;
}

static bool run(const struct mcp_backend *inner, const struct settings *settings, int output,
                const sigset_t *signals, struct error *err) {
    struct mcp_backend backend;
    size_t max_bytes = (size_t)settings->max_upload_bytes;
    struct mcp_paths paths = {.inner = inner, .max_bytes = max_bytes};
    mcp_paths_init(&backend, &paths);
    log_info("imgrouter %s answers the Model Context Protocol on standard input and output",
             IMGROUTER_VERSION);
    return mcp_stdio_run(&backend,
                         &(struct mcp_stdio_options){.input = STDIN_FILENO,
                                                     .output = output,
                                                     .line_max = mcp_message_size_max(max_bytes),
                                                     .threads = processor_count() + EXTRA_THREADS,
                                                     .signals = signals},
                         err);
}

static bool run_remote(const struct settings *settings, int output, const sigset_t *signals,
                       struct error *err) {
    struct mcp_backend backend;
    struct mcp_remote *remote = mcp_remote_create(settings->server, err);
    if (remote == NULL) return false;
    mcp_remote_backend(remote, IMGROUTER_VERSION, &backend);
    bool is_done = run(&backend, settings, output, signals, err);
    mcp_remote_destroy(remote);
    return is_done;
}

static bool run_local(const struct settings *settings, int output, const sigset_t *signals,
                      struct error *err) {
    struct service_parts parts = {0};
    struct mcp_backend backend;
    struct error problem = {0};
    bool is_open = service_parts_open_storage(&parts, settings, &problem) &&
                   (parts.engine = engine_setup_create(settings, true, true, &problem)) != NULL &&
                   (parts.relevance = relevance_create(parts.engine, &problem)) != NULL &&
                   service_parts_open_service(&parts, settings, &problem);
    struct api api = {
        .service = parts.service, .metrics = parts.metrics, .version = IMGROUTER_VERSION};
    mcp_backend_init(&backend, &api);
    bool is_done = is_open && run(&backend, settings, output, signals, &problem);
    service_parts_close(&parts);
    if (problem.kind == ERROR_CONFLICT)
        return error_set(err, problem.kind,
                         "%s; or have the server that runs there answer: imgrouter mcp --server "
                         "http://127.0.0.1:8001",
                         problem.text);
    return is_done || error_set(err, problem.kind, "%s", problem.text);
}

int command_mcp(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    sigset_t signals;
    if (input->word_count > 0) {
        error_set(&err, ERROR_USAGE, "mcp takes options only, not \"%s\"", input->words[0]);
        return command_fail(&err);
    }
    signals_prepare(&signals);
    int output = output_take(&err);
    bool is_done = output >= 0 && fetch_global_init(&err) &&
                   (settings->server != NULL ? run_remote(settings, output, &signals, &err)
                                             : run_local(settings, output, &signals, &err));
    fetch_global_cleanup();
    if (output >= 0) (void)close(output);
    return is_done ? 0 : command_fail(&err);
}
