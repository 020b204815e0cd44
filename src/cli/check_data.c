// Where pictures are kept: the data folder and its disk, the store, and the list of tags.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/data_folder.h"
#include "cli/shipped_file.h"
#include "cli/store_setup.h"
#include "service/label_list.h"

enum { FREE_LITTLE_MB = 1024, FREE_NOTHING_MB = 100 };

// The nearest folder above that is there: where the data folder would be made.
static void find_existing(char path[static DATA_PATH_SIZE]) {
    struct stat info;
    while (stat(path, &info) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL || slash == path) {
            (void)snprintf(path, DATA_PATH_SIZE, "%s", slash == NULL ? "." : "/");
            return;
        }
        *slash = '\0';
    }
}

void check_data_folder(const struct settings *settings, struct check_result *result) {
    char path[DATA_PATH_SIZE], existing[DATA_PATH_SIZE];
    struct error err = {0};
    struct statvfs disk;
    struct stat info;
    if (!data_folder_path(settings, path, &err)) {
        check_set(result, CHECK_FAILED, "%s", err.text);
        check_mend(result, "name a folder with --data or IMGROUTER_DATA");
        return;
    }
    (void)snprintf(existing, sizeof existing, "%s", path);
    find_existing(existing);
    if (stat(existing, &info) != 0 || !S_ISDIR(info.st_mode) ||
        access(existing, W_OK | X_OK) != 0) {
        check_set(result, CHECK_FAILED, "%s cannot be written to: %s", existing,
                  S_ISDIR(info.st_mode) ? strerror(errno) : "it is no folder");
        check_mend(result, "name a folder of yours with --data or IMGROUTER_DATA");
        return;
    }
    bool is_there = strcmp(path, existing) == 0;
    if (statvfs(existing, &disk) != 0) {
        check_set(result, CHECK_WARNING, "%s: the disk does not tell how much room it has (%s)",
                  path, strerror(errno));
        return;
    }
    unsigned long long free_mb =
        (unsigned long long)disk.f_bavail * disk.f_frsize / (1024ULL * 1024);
    check_set(result,
              free_mb < FREE_NOTHING_MB  ? CHECK_FAILED
              : free_mb < FREE_LITTLE_MB ? CHECK_WARNING
                                         : CHECK_OK,
              "%s%s, %llu MB are free", path, is_there ? "" : " (will be made)", free_mb);
    if (free_mb < FREE_LITTLE_MB)
        check_mend(result, "make room, or choose another disk with --data");
}

void check_store(const struct settings *settings, struct check_result *result) {
    char data[DATA_PATH_SIZE];
    struct error err = {0};
    size_t count = 0;
    if (!data_folder_path(settings, data, &err)) {
        check_set(result, CHECK_FAILED, "%s", err.text);
        return;
    }
    struct store *store = store_setup_create(settings, data, true, &err);
    if (store != NULL && store->operations->check(store, &err) &&
        store->operations->count(store, &count, &err))
        check_set(result, CHECK_OK, "%s answers, with %zu images", store->operations->name, count);
    else if (err.kind == ERROR_NOT_FOUND)
        check_set(result, CHECK_OK, "%s: nothing is stored yet", settings->vector_backend);
    else
        check_set(result, CHECK_FAILED, "%s: %s", settings->vector_backend, err.text);
    if (result->state == CHECK_FAILED)
        check_mend(result, strcmp(settings->vector_backend, "pgvector") == 0
                               ? "look at DATABASE_URL, and whether PostgreSQL runs"
                           : strcmp(settings->vector_backend, "qdrant") == 0
                               ? "look at QDRANT_URL, and whether Qdrant runs"
                               : "see docs/stores.md, or name another folder with --data");
    if (store != NULL) store->operations->destroy(store);
}

void check_tags(const struct settings *settings, struct check_result *result) {
    char path[SHIPPED_PATH_SIZE];
    struct label_list labels = {0};
    struct error err = {0};
    if (settings->tags != NULL && strcmp(settings->tags, "off") == 0) {
        check_set(result, CHECK_OK, "off: pictures get no tags");
        return;
    }
    if (shipped_file_path(&shipped_tags, settings->tags, path, &err) &&
        label_list_read(&labels, path, &err)) {
        check_set(result, CHECK_OK, "%zu words in %s", labels.count, path);
    } else {
        check_set(result, CHECK_FAILED, "%s", err.text);
        check_mend(result, "mend the file, or turn tags off: IMGROUTER_TAGS=off");
    }
    label_list_clear(&labels);
}
