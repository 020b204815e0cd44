// imgrouter index: folders of pictures into the store, in the background lane. What became of each
// file is in the ledger, so that the next run goes on where this one ended.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cloud_setup.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/index_report.h"
#include "cli/index_retry.h"
#include "cli/index_run.h"
#include "cli/index_target.h"
#include "cli/index_walk.h"
#include "fetch/fetch.h"

enum { SIGNAL_EXIT_BASE = 128 };  // a shell's exit code of a signal: 128 and its number

static bool check_words(const struct command_input *input, struct error *err) {
    const struct settings *settings = input->settings;
    bool takes_folders = !settings->lists_failed && !settings->retries_failed;
    if ((settings->lists_failed && settings->retries_failed) ||
        takes_folders != (input->word_count > 0))
        return error_set(err, ERROR_USAGE, "say one of: index DIR…, index --failed, index --retry");
    for (size_t i = 0; i < input->word_count; i++)
        if (access(input->words[i], F_OK) != 0)
            return error_set(err, ERROR_NOT_FOUND, "cannot find %s: %s", input->words[i],
                             strerror(errno));
    return true;
}

static bool list_failures(struct index_ledger *ledger, bool is_json, struct error *err) {
    struct ledger_entry entry = {0};
    bool is_found = true;
    while (is_found) {
        if (!index_ledger_next_failed(ledger, &entry, &is_found, err)) return false;
        if (is_found) index_report_failure(&entry, is_json);
    }
    return true;
}

static bool next_of_walk(void *context, struct ledger_entry *found, struct error *fault) {
    return index_walk_next(context, found, fault);
}

static bool next_of_retry(void *context, struct ledger_entry *found, struct error *fault) {
    return index_retry_next(context, found, fault);
}

static int64_t count_files(const struct command_input *input, struct index_ledger *ledger,
                           const char *data) {
    struct ledger_entry entry = {0};
    struct error fault = {0};
    int64_t count = 0;
    if (input->settings->retries_failed) {
        bool is_found = true;
        while (is_found && index_ledger_next_failed(ledger, &entry, &is_found, &fault))
            count += is_found;
        return count;
    }
    struct index_walk *walk = index_walk_create(input->words, input->word_count, data);
    while (index_walk_next(walk, &entry, &fault)) count++;
    index_walk_destroy(walk);
    return count;
}

// Waits for the run, or for a signal that ends it. Returns the signal, 0: none.
static int wait_for_end(struct index_run *run, const sigset_t *signals) {
    static const struct timespec pause = {.tv_nsec = 50000000};
    int stopped_by = 0;
    while (!index_run_is_done(run)) {
        int number = sigtimedwait(signals, NULL, &pause);
        if (number < 0) continue;
        if (stopped_by != 0) _exit(SIGNAL_EXIT_BASE + number);  // a second one means: now
        stopped_by = number;
        index_run_stop(run);
    }
    return stopped_by;
}

static int say_how_it_ended(const struct index_report *report, int stopped_by,
                            const struct error *err) {
    static const char go_on[] = "run the same command again to go on";
    int64_t failed = report->counts[STATE_FAILED];
    if (failed > 0)
        (void)fprintf(stderr,
                      "imgrouter: %lld failed; list them with \"imgrouter index --failed\", try "
                      "them again with \"imgrouter index --retry\"\n",
                      (long long)failed);
    if (err->kind != ERROR_NONE) {
        (void)fprintf(stderr, "imgrouter: stopped: %s; then %s\n", err->text, go_on);
        return error_exit_code(err->kind);
    }
    if (stopped_by == 0) return failed > 0;
    (void)fprintf(stderr, "imgrouter: interrupted; what was begun is stored; %s\n", go_on);
    return SIGNAL_EXIT_BASE + stopped_by;
}

static int run_index(const struct command_input *input, struct index_ledger *ledger,
                     struct index_target *target, const char *data, const sigset_t *signals) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    struct index_report report;
    struct index_retry retry = {.ledger = ledger, .left_out = data};
    struct index_walk *walk = index_walk_create(input->words, input->word_count, data);
    struct index_run run = {.source = settings->retries_failed ? next_of_retry : next_of_walk,
                            .context = settings->retries_failed ? (void *)&retry : walk,
                            .target = target,
                            .ledger = ledger,
                            .report = &report,
                            .max_bytes = (size_t)settings->max_upload_bytes,
                            .forgets_gone = settings->retries_failed};
    bool is_counted = index_report_init(&report, settings->is_json);
    index_report_start(&report, is_counted ? count_files(input, ledger, data) : 0);
    int stopped_by = 0;
    if ((settings->retries_failed || index_retry_forget_folders(ledger, &err)) &&
        index_run_start(&run, &err)) {
        stopped_by = wait_for_end(&run, signals);
        (void)index_run_finish(&run, &err);
    }
    index_report_summary(&report);
    int exit_code = say_how_it_ended(&report, stopped_by, &err);
    index_report_clear(&report);
    index_retry_clear(&retry);
    index_walk_destroy(walk);
    return exit_code;
}

static struct index_target *open_target(const struct settings *settings, struct error *err) {
    struct error problem = {0};
    struct index_target *target = settings->server != NULL ? index_server_create(settings, &problem)
                                                           : index_local_create(settings, &problem);
    if (problem.kind == ERROR_CONFLICT)
        error_set(err, problem.kind,
                  "%s; or have the server that runs there take the pictures: imgrouter index DIR "
                  "--server http://127.0.0.1:8001",
                  problem.text);
    else if (problem.kind != ERROR_NONE)
        error_set(err, problem.kind, "%s", problem.text);
    return target;
}

int command_index(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    char data[DATA_PATH_SIZE];
    enum route_quality quality;
    if (!check_words(input, &err) || !cloud_setup_quality(settings, &quality, &err) ||
        !data_folder_path(settings, data, &err))
        return command_fail(&err);
    struct index_ledger *ledger = index_ledger_open(data, &err);
    if (ledger == NULL) return command_fail(&err);
    int exit_code = 0;
    if (settings->lists_failed) {
        if (!list_failures(ledger, settings->is_json, &err)) exit_code = command_fail(&err);
        index_ledger_close(ledger);
        return exit_code;
    }
    // Blocked before any thread starts, so that only the waiting below sees them.
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct index_target *target = fetch_global_init(&err) ? open_target(settings, &err) : NULL;
    if (target != NULL) target->quality = quality;
    exit_code =
        target != NULL ? run_index(input, ledger, target, data, &signals) : command_fail(&err);
    if (target != NULL) target->destroy(target);
    index_ledger_close(ledger);
    fetch_global_cleanup();
    return exit_code;
}
