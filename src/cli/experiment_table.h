// The report of experiments as tables for people, one an experiment.
#pragma once

#include "service/experiment_report.h"

void experiment_table_print(const struct experiment_report *report);
