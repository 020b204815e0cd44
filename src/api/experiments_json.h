// The report of experiments as JSON, for the API and the command line.
#pragma once

#include <jansson.h>

#include "service/experiment_report.h"

json_t *experiment_line_json(const struct experiment_line *line);
