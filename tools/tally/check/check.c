// tally check: every fault of a configuration, or the poll plan, each bus's load and the limits.
#include "check/check_limits.h"
#include "check/surroundings.h"
#include "tally.h"

#include "bus/plan.h"
#include "measure/counting.h"

static void print_warnings(const struct config *config)
{
    struct faults warnings = {0};
    surroundings_check(config, &warnings);
    fflush(stdout);
    for (size_t i = 0; i < warnings.count; i++) {
        fprintf(stderr, "%s\n", warnings.lines[i]);
    }
    if (warnings.count) {
        fprintf(stderr, "%zu warning%s\n", warnings.count, warnings.count == 1 ? "" : "s");
    }
    faults_free(&warnings);
}

static int check(struct place *place)
{
    struct faults faults = {0};
    struct text plan = text_make(16u << 20);
    int status = place_find(place);
    if (status != EXIT_GOOD) {
        return status;
    }
    plan_check(place->config, &faults, &plan);
    counting_check(place->config, &faults);
    check_limits_append(&plan, place->config);
    if (faults.count) {
        status = faults_print(&faults);
    } else if (plan.failed) {
        fputs("tally check: no memory for the plan\n", stderr);
        status = EXIT_FINDING;
    } else {
        fwrite(plan.data, 1, plan.length, stdout);
        print_warnings(place->config);
    }
    faults_free(&faults);
    text_free(&plan);
    return status;
}

static const struct option options[] = {{"config", required_argument, NULL, PLACE_CONFIG},
                                        {"drivers", required_argument, NULL, PLACE_DRIVERS},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static int run(const struct command *command, int argc, char **argv)
{
    struct place place = {0};
    int status;
    if (command_option(command, argc, argv, &place, &status) < 0) {
        return status;
    }
    status = check(&place);
    place_free(&place);
    return status;
}

const struct command command_check = {
    .name = "tally check",
    .summary = "every fault of a configuration; the poll plan and each bus's load",
    .usage =
        "usage: tally check [-c FILE] [--drivers DIR]\n"
        "\n"
        "Reads a configuration and prints every fault in it, with file, line and column, on\n"
        "standard error; of a good one it prints the poll plan, the load of each bus and the "
        "limits,\n"
        "and warnings of what the daemon would stumble over on this machine: the data folder, a\n"
        "ledger of another gateway in it, certificate files. Exit status 0 with warnings only.\n"
        "\n"
        "  -c, --config FILE  the configuration; otherwise tally.yaml in this folder, then\n"
        "                     /etc/tally/tally.yaml\n"
        "      --drivers DIR  where the drivers are, instead of gateway.drivers\n"
        "  -h, --help         print this\n",
    .letters = "c:h",
    .options = options,
    .run = run};
