// One log line for every request, at its end. As JSON it has every fact of docs/logs.md; as text
// what a person at a terminal looks for. It never has what was searched for, captions, names of
// files, or the queries of addresses.
#pragma once

#include "http/server.h"

// The observation's notes are a struct request_notes.
void request_log_write(const struct http_observation *observation);
