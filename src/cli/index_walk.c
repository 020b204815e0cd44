#include "cli/index_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { DEPTH_MAX = 128 };  // folders within folders; each holds a descriptor open

struct level {
    DIR *folder;
    size_t path_size;  // of its path in walk->path
};

struct index_walk {
    char **roots;
    size_t root_count, next_root;
    struct stat left_out;  // of no file when st_ino is 0
    struct level levels[DEPTH_MAX];
    size_t depth;
    char path[LEDGER_PATH_SIZE];  // of what is looked at now
    size_t name_start;
};

enum step { STEP_ON, STEP_FILE, STEP_FAULT };

struct index_walk *index_walk_create(char **roots, size_t root_count, const char *left_out) {
    struct index_walk *walk = memory_alloc(sizeof *walk);
    walk->roots = roots;
    walk->root_count = root_count;
    if (stat(left_out, &walk->left_out) != 0) walk->left_out = (struct stat){0};
    return walk;
}

void index_walk_destroy(struct index_walk *walk) {
    if (walk == NULL) return;
    while (walk->depth > 0) (void)closedir(walk->levels[--walk->depth].folder);
    memory_free(walk);
}

static enum step set_fault(struct error *fault, const char *doing) {
    error_set(fault, ERROR_INVALID, "cannot %s: %s", doing, strerror(errno));
    return STEP_FAULT;
}

static enum step enter_folder(struct index_walk *walk, int parent, const char *name,
                              struct error *fault) {
    if (walk->depth == DEPTH_MAX) {
        error_set(fault, ERROR_INVALID, "the folder lies more than %d folders deep", DEPTH_MAX);
        return STEP_FAULT;
    }
    int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return errno == ENOENT ? STEP_ON : set_fault(fault, "open the folder");
    DIR *folder = fdopendir(descriptor);
    if (folder == NULL) {
        (void)close(descriptor);
        return set_fault(fault, "open the folder");
    }
    walk->levels[walk->depth++] = (struct level){folder, strlen(walk->path)};
    return STEP_ON;
}

// What walk->path names, which is `name` in the folder `parent`.
static enum step look_at(struct index_walk *walk, int parent, const char *name,
                         struct ledger_entry *found, struct error *fault) {
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? STEP_ON : set_fault(fault, "look at it");
    if (S_ISDIR(status.st_mode)) {
        bool is_left_out =
            status.st_dev == walk->left_out.st_dev && status.st_ino == walk->left_out.st_ino;
        return is_left_out ? STEP_ON : enter_folder(walk, parent, name, fault);
    }
    if (!S_ISREG(status.st_mode)) return STEP_ON;
    found->size_bytes = status.st_size;
    found->modified_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    return STEP_FILE;
}

static enum step next_root(struct index_walk *walk, struct ledger_entry *found,
                           struct error *fault) {
    const char *root = walk->roots[walk->next_root++];
    char whole[PATH_MAX];
    (void)snprintf(walk->path, sizeof walk->path, "%s", root);
    walk->name_start = 0;
    if (realpath(root, whole) == NULL) return set_fault(fault, "find it");
    (void)snprintf(walk->path, sizeof walk->path, "%s", whole);
    enum step step = look_at(walk, AT_FDCWD, whole, found, fault);
    const char *slash = strrchr(walk->path, '/');
    bool is_folder = walk->depth > 0;
    walk->name_start = is_folder ? strlen(walk->path) + (strcmp(walk->path, "/") != 0)
                                 : (size_t)(slash + 1 - walk->path);
    return step;
}

static enum step next_entry(struct index_walk *walk, struct ledger_entry *found,
                            struct error *fault) {
    struct level *level = &walk->levels[walk->depth - 1];
    walk->path[level->path_size] = '\0';
    errno = 0;
    const struct dirent *entry = readdir(level->folder);
    if (entry == NULL) {
        enum step step = errno == 0 ? STEP_ON : set_fault(fault, "read the folder to its end");
        (void)closedir(level->folder);
        walk->depth--;
        return step;
    }
    if (entry->d_name[0] == '.') return STEP_ON;
    bool has_slash = walk->path[level->path_size - 1] == '/';
    size_t room = sizeof walk->path - level->path_size;
    int length =
        snprintf(walk->path + level->path_size, room, "%s%s", has_slash ? "" : "/", entry->d_name);
    if (length < 0 || (size_t)length >= room) {
        error_set(fault, ERROR_INVALID, "the path is too long");
        return STEP_FAULT;
    }
    return look_at(walk, dirfd(level->folder), entry->d_name, found, fault);
}

bool index_walk_next(struct index_walk *walk, struct ledger_entry *found, struct error *fault) {
    enum step step = STEP_ON;
    *found = (struct ledger_entry){0};
    while (step == STEP_ON) {
        if (walk->depth == 0 && walk->next_root == walk->root_count) return false;
        step = walk->depth == 0 ? next_root(walk, found, fault) : next_entry(walk, found, fault);
    }
    (void)snprintf(found->path, sizeof found->path, "%s", walk->path);
    found->name_start = walk->name_start < strlen(found->path) ? walk->name_start : 0;
    return true;
}
