// What is made of the table of commands and the settings, so that none of it can go astray: the man
// page imgrouter(1), and completions for shells.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

// In roff with the macros of man(7).
void manual_print(FILE *out);
// `shell` is bash, zsh or fish. ERROR_USAGE.
bool completion_print(const char *shell, FILE *out, struct error *err);
