#include "check/surroundings.h"

#include "base/clock.h"
#include "ledger/ledger.h"
#include "uplink/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON_DAYS 14
#define DAY_S     86400

// --- the data folder ----------------------------------------------------------------------------

static void check_data(const struct config *config, struct faults *warnings)
{
    char above[PATH_MAX];
    struct stat st;
    struct why why;
    const char *data = config->gateway.data;
    if (stat(data, &st) != 0) {
        int number = errno;
        snprintf(above, sizeof above, "%s", data);
        const char *parent = dirname(above);
        bool makes = number == ENOENT && access(parent, W_OK | X_OK) == 0;
        faults_add(warnings, config->path, 0, 0, "warning: gateway.data %s: %s%s", data,
                   strerror(number), makes ? "; tallyd will make it, with a new ledger" : "");
    } else if (!S_ISDIR(st.st_mode)) {
        faults_add(warnings, config->path, 0, 0, "warning: gateway.data %s: not a folder", data);
    } else if (access(data, R_OK | W_OK | X_OK) != 0) {
        faults_add(warnings, config->path, 0, 0,
                   "warning: gateway.data %s: cannot be written by this user: %s", data,
                   strerror(errno));
    } else if (ledger_fits(data, config->site.code, config->gateway.name, &why) != OK) {
        faults_add(warnings, config->path, 0, 0, "warning: %s", why.text);
    }
}

// --- an uplink's files --------------------------------------------------------------------------

static void check_uplink(const struct config *config, const struct config_uplink *uplink,
                         struct faults *warnings)
{
    struct tls_files files = {uplink->host, uplink->ca, uplink->certificate, uplink->key};
    int64_t now_s = clock_wall_us(&clock_system) / 1000000;
    char fault[TLS_FAULT_MAX];
    struct tls *tls;
    struct why why;
    if (tls_open(&tls, &files, &why) != OK) {
        faults_add(warnings, config->path, uplink->line, uplink->column, "warning: uplink %s: %s",
                   uplink->name, why.text);
        return;
    }
    tls_check_own(tls, now_s, fault);
    int64_t days = (tls_not_after_s(tls) - now_s) / DAY_S;
    if (fault[0]) {
        faults_add(warnings, config->path, uplink->line, uplink->column, "warning: uplink %s: %s",
                   uplink->name, fault);
    } else if (days < SOON_DAYS) {
        faults_add(warnings, config->path, uplink->line, uplink->column,
                   "warning: uplink %s: our certificate %s expires in %" PRId64 " days",
                   uplink->name, uplink->certificate, days);
    }
    tls_check_ca(tls, now_s, fault);
    if (fault[0]) {
        faults_add(warnings, config->path, uplink->line, uplink->column, "warning: uplink %s: %s",
                   uplink->name, fault);
    }
    tls_free(tls);
}

static void check_hook(const struct config *config, struct faults *warnings)
{
    struct stat st;
    const char *path = config->alarms.hook ? config->alarms.hook[0] : NULL;
    if (path && stat(path, &st) != 0) {
        faults_add(warnings, config->path, 0, 0, "warning: alarms.hook %s: %s", path,
                   strerror(errno));
    } else if (path && (!S_ISREG(st.st_mode) || access(path, X_OK) != 0)) {
        faults_add(warnings, config->path, 0, 0, "warning: alarms.hook %s: not a program", path);
    }
}

void surroundings_check(const struct config *config, struct faults *warnings)
{
    check_data(config, warnings);
    const char *names[CONFIG_UPLINKS_MAX];
    struct why why;
    for (size_t i = 0; i < config->uplink_count; i++) {
        names[i] = config->uplinks[i].name;
        check_uplink(config, &config->uplinks[i], warnings);
    }
    check_hook(config, warnings);
    if (ledger_has_room(config->gateway.data, names, config->uplink_count, &why) != OK) {
        faults_add(warnings, config->path, 0, 0, "warning: %s", why.text);
    }
}
