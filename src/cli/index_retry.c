#include "cli/index_retry.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static bool is_folder(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void leave_folder(struct index_retry *retry) {
    index_walk_destroy(retry->walk);
    memory_free(retry->root);
    retry->walk = NULL;
    retry->root = NULL;
}

void index_retry_clear(struct index_retry *retry) { leave_folder(retry); }

static bool next_in_folder(struct index_retry *retry, struct ledger_entry *found,
                           struct error *fault) {
    if (retry->walk == NULL) return false;
    if (index_walk_next(retry->walk, found, fault)) {
        found->name_start = retry->current.name_start;
        return true;
    }
    leave_folder(retry);
    // What failed in it just now comes later in the ledger's order, and has had its turn.
    size_t size = strlen(retry->current.path);
    if (size + 2 < sizeof retry->current.path) memcpy(retry->current.path + size, "/\xff", 3);
    return false;
}

bool index_retry_next(struct index_retry *retry, struct ledger_entry *found, struct error *fault) {
    bool is_found = false;
    for (;;) {
        if (next_in_folder(retry, found, fault)) return true;
        if (!index_ledger_next_failed(retry->ledger, &retry->current, &is_found, fault) ||
            !is_found)
            return false;
        if (!is_folder(retry->current.path)) {
            *found = retry->current;
            found->reason[0] = '\0';
            return true;
        }
        if (!index_ledger_forget(retry->ledger, retry->current.path, fault)) return false;
        retry->root = memory_copy_text(retry->current.path);
        retry->walk = index_walk_create(&retry->root, 1, retry->left_out);
    }
}

bool index_retry_forget_folders(struct index_ledger *ledger, struct error *err) {
    struct ledger_entry entry = {0};
    bool is_found = true;
    while (is_found) {
        if (!index_ledger_next_failed(ledger, &entry, &is_found, err)) return false;
        if (is_found && is_folder(entry.path) && access(entry.path, R_OK | X_OK) == 0 &&
            !index_ledger_forget(ledger, entry.path, err))
            return false;
    }
    return true;
}
