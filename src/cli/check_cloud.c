// The cloud, without asking it: what is configured, what it may cost, and what it has cost today.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/check.h"
#include "cli/cloud_setup.h"
#include "cli/data_folder.h"
#include "cli/ledger_setup.h"
#include "cli/shipped_file.h"
#include "cli/store_setup.h"
#include "cloud/price_table.h"

static bool has_provider(const struct settings *settings) {
    return settings->cloud_provider != NULL && settings->cloud_provider[0] != '\0';
}

void check_providers(const struct settings *settings, struct check_result *result) {
    struct provider_options named[CLOUD_PROVIDERS_MAX];
    struct error err = {0};
    char names[CHECK_TEXT_SIZE / 2] = "";
    size_t count = 0;
    if (!cloud_setup_providers(settings, named, &count, &err)) {
        check_set(result, CHECK_FAILED, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct provider *provider = provider_create(&named[i], &err);
        if (provider == NULL) {
            check_set(result, CHECK_FAILED, "%s: %s", provider_kind_name(named[i].kind), err.text);
            check_mend(result, "export the key, or take the provider out of CLOUD_PROVIDER");
            return;
        }
        size_t used = strlen(names);
        const char *model = provider_model(provider);
        (void)snprintf(names + used, sizeof names - used, "%s%s (%s)", i == 0 ? "" : ", ",
                       provider_kind_name(named[i].kind), model == NULL ? "" : model);
        provider_destroy(provider);
    }
    if (count == 0)
        check_set(result, CHECK_OK, "none is configured: every caption is made here");
    else
        check_set(result, CHECK_OK, "%s; their keys are there, whether they are taken is not tried",
                  names);
}

void check_prices(const struct settings *settings, struct check_result *result) {
    char path[SHIPPED_PATH_SIZE];
    struct error err = {0};
    struct price_table *table = NULL;
    if (shipped_file_path(&shipped_prices, settings->prices, path, &err))
        table = price_table_create(path, &err);
    if (table != NULL) {
        check_set(result, CHECK_OK, "%zu of models in %s", price_table_count(table), path);
    } else {
        // Nobody needs them who asks no provider.
        check_set(result, has_provider(settings) ? CHECK_FAILED : CHECK_WARNING, "%s", err.text);
        check_mend(result, "name a file of prices with --prices or IMGROUTER_PRICES");
    }
    price_table_destroy(table);
}

static bool read_status(const struct settings *settings, struct ledger_status *status,
                        struct error *err) {
    char data[DATA_PATH_SIZE];
    struct store *store = NULL;
    if (!data_folder_path(settings, data, err)) return false;
    if (ledger_setup_needs_store(settings) &&
        (store = store_setup_create(settings, data, true, err)) == NULL)
        return false;
    struct ledger *ledger = ledger_setup_create(settings, store, true, err);
    bool is_done = ledger != NULL && ledger->operations->status(ledger, status, err);
    if (ledger != NULL) ledger->operations->destroy(ledger);
    if (store != NULL) store->operations->destroy(store);
    return is_done;
}

void check_budget(const struct settings *settings, struct check_result *result) {
    struct ledger_limits limits = cloud_setup_limits(settings);
    struct ledger_status status;
    struct error err = {0};
    if (!has_provider(settings)) {
        check_set(result, CHECK_OK, "no provider, no costs");
    } else if (read_status(settings, &status, &err)) {
        int64_t left = ledger_budget_left(&limits, &status);
        bool is_low = left * 5 < limits.daily_nano_usd;
        check_set(result, is_low ? CHECK_WARNING : CHECK_OK,
                  "%.2f USD of today's %.2f (UTC) are left", (double)left / 1e9,
                  settings->cloud_daily_budget_usd);
        if (is_low) check_mend(result, "raise CLOUD_DAILY_BUDGET_USD, or wait for midnight UTC");
    } else if (err.kind == ERROR_NOT_FOUND) {
        check_set(result, CHECK_OK, "nothing has been spent yet; %.2f USD a day may be",
                  settings->cloud_daily_budget_usd);
    } else {
        check_set(result, CHECK_FAILED, "%s", err.text);
    }
}
