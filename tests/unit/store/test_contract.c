// Runs the contract's tests on every kind of store that is to be had here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "contract.h"

enum { TESTS_MAX = 256, NAME_SIZE = 96 };

static void open_store(struct contract_fixture *fixture) {
    struct error err = {0};
    fixture->store = fixture->kind->open(fixture->folder.path, &err);
    if (fixture->store == NULL) fail_msg("%s", err.text);
}

void contract_restart(struct contract_fixture *fixture) {
    if ((fixture->kind->traits & CONTRACT_DURABLE) == 0) return;
    fixture->store->operations->destroy(fixture->store);
    open_store(fixture);
}

static int setup(void **state) {
    struct contract_fixture *fixture = memory_alloc(sizeof *fixture);
    fixture->kind = *state;
    test_folder_create(&fixture->folder);
    if (fixture->kind->prepare != NULL) fixture->kind->prepare(fixture->folder.path);
    open_store(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct contract_fixture *fixture = *state;
    fixture->store->operations->destroy(fixture->store);
    test_folder_destroy(&fixture->folder);
    memory_free(fixture);
    return 0;
}

static struct CMUnitTest tests[TESTS_MAX];
static char names[TESTS_MAX][NAME_SIZE];
static size_t test_count;

static void add_tests(const struct store_kind *kind, const struct contract_test *list) {
    for (; list->name != NULL; list++) {
        if ((list->needs & ~kind->traits) != 0) continue;
        (void)snprintf(names[test_count], NAME_SIZE, "%s (%s)", list->name, kind->name);
        tests[test_count] = (struct CMUnitTest){.name = names[test_count],
                                                .test_func = list->run,
                                                .setup_func = setup,
                                                .teardown_func = teardown,
                                                .initial_state = (void *)kind};
        test_count++;
    }
}

// With an argument: the kind of store to test.
int main(int argument_count, char **arguments) {
    for (const struct store_kind *kind = store_kinds; kind->name != NULL; kind++) {
        const char *obstacle = kind->find_obstacle == NULL ? NULL : kind->find_obstacle();
        if (argument_count > 1 && strcmp(arguments[1], kind->name) != 0) continue;
        if (obstacle != NULL) {
            print_message("skipped %s: %s\n", kind->name, obstacle);
            continue;
        }
        add_tests(kind, contract_images);
        add_tests(kind, contract_searches);
        add_tests(kind, contract_spaces);
    }
    return test_count == 0
               ? 77
               : _cmocka_run_group_tests("store contract", tests, test_count, NULL, NULL);
}
