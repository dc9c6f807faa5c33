// account_use: what an account's energy comes to by tariff periods and in coal equivalent.

#include "report/account.h"

// Of quarters of an hour with a figure.
static void use_tariff(struct account *account, const struct tariff *tariff,
                       const struct calendar *calendar)
{
    int64_t first = rollup_quarter_of(calendar->boundaries[0]);
    account->tariff = tariff;
    account->unassigned = account->energy.registered;
    for (size_t i = 0; i < calendar_quarters(calendar); i++) {
        const struct energy_interval *quarter = &account->quarters[i];
        int period =
            quarter->state == ENERGY_COMPLETE ? tariff_period(tariff, first + (int64_t)i) : -1;
        if (period >= 0) {
            exact_add(&account->periods[period], &quarter->energy);
            exact_subtract(&account->unassigned, &quarter->energy);
        }
    }
}

// The one coefficient of all that the account is of, or NULL.
static const struct coefficient *find(const struct account *account,
                                      const struct energy_table *table, int64_t quarter)
{
    const struct coefficient *one = NULL;
    for (size_t i = 0; i < (account->name ? 1 : account->part_count); i++) {
        const struct coefficient *other = coefficient_find(
            table->coefficients, table->coefficient_count,
            account->name ? account->name : account->parts[i].name, account->unit, quarter);
        if (!other || (i && other != one)) {
            return NULL;
        }
        one = other;
    }
    return one;
}

static void note_coefficient(struct account *account, const struct coefficient *coefficient)
{
    size_t count = account->coefficient_count;
    if (count && account->coefficients[count - 1] == coefficient) {
        return;
    }
    if (count < ACCOUNT_COEFFICIENTS_MAX) {
        account->coefficients[account->coefficient_count++] = coefficient;
    }
}

static int use_coefficients(struct account *account, const struct energy_table *table,
                            const struct calendar *calendar)
{
    for (size_t i = 0; i < calendar->count; i++) {
        const struct energy_interval *interval = &account->energy.intervals[i];
        const struct coefficient *coefficient =
            find(account, table, rollup_quarter_of(calendar->boundaries[i]));
        if (interval->state != ENERGY_COMPLETE) {
            continue;
        }
        if (!coefficient) {
            exact_add(&account->unconverted, &interval->energy);
            continue;
        }
        struct exact factor = exact_of(coefficient->factor), coal;
        int error = exact_multiply(&interval->energy, &factor, &coal);
        if (error) {
            return error;
        }
        exact_add(&account->coal, &coal);
        note_coefficient(account, coefficient);
    }
    return OK;
}

int account_use(struct account *account, const struct energy_table *table,
                const struct calendar *calendar)
{
    if (table && table->tariff) {
        use_tariff(account, table->tariff, calendar);
    }
    return table && table->coefficient_count ? use_coefficients(account, table, calendar) : OK;
}
