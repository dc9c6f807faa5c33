#include "report/energy_groups.h"

#include <stdlib.h>
#include <string.h>

int energy_groups_make(struct energy_groups *groups, const struct config *config,
                       const struct energy_table *table)
{
    *groups = (struct energy_groups){.config = config, .table = table};
    size_t count = config ? config->group_count : 0, parts = 0;
    for (size_t i = 0; i < count; i++) {
        parts += config->groups[i].part_count;
    }
    groups->list = calloc(count + 1, sizeof *groups->list);
    groups->parts = calloc(parts + 1, sizeof *groups->parts);
    if (!groups->list || !groups->parts) {
        return ERROR_MEMORY;
    }
    struct energy_part *next = groups->parts;
    for (size_t i = 0; i < count; i++) {
        const struct config_group *group = &config->groups[i];
        groups->list[i] = (struct energy_meter){.name = group->name,
                                                .parts = next,
                                                .part_count = group->part_count,
                                                .kind = group->kind,
                                                .independent = group->independent};
        for (size_t j = 0; j < group->part_count; j++) {
            *next++ = (struct energy_part){group->parts[j].point, group->parts[j].minus};
        }
    }
    return OK;
}

void energy_groups_free(struct energy_groups *groups)
{
    free(groups->list);
    free(groups->parts);
    *groups = (struct energy_groups){.config = NULL};
}

int energy_groups_find(const struct energy_groups *groups, const char *name,
                       struct energy_meter *out, struct why *why)
{
    const struct energy_meter *found[2] = {NULL, NULL};
    for (size_t i = 0; groups->config && i < groups->config->group_count; i++) {
        found[0] = strcmp(groups->list[i].name, name) == 0 ? &groups->list[i] : found[0];
    }
    for (size_t i = 0; groups->table && i < groups->table->meter_count; i++) {
        const struct energy_meter *meter = &groups->table->meters[i];
        found[1] = strcmp(meter->name, name) == 0 ? meter : found[1];
    }
    if (found[0] && found[1]) {
        return why_set(why, ERROR_REFUSED,
                       "'%s' is a group of %s and a meter of the table: which of them?", name,
                       groups->config->path);
    }
    if (!found[0] && !found[1] && groups->config) {
        return why_set(why, ERROR_ABSENT, "there is no group '%s' in %s%s", name,
                       groups->config->path,
                       groups->table ? ", and no such meter in the table" : "");
    }
    if (!found[0] && !found[1]) {
        return why_set(why, ERROR_ABSENT, "there is no %s '%s' in %s",
                       groups->table ? "meter" : "group", name,
                       groups->table ? "the table" : "a configuration: give -c FILE");
    }
    *out = found[0] ? *found[0] : *found[1];
    return OK;
}

int energy_groups_site(const struct energy_groups *groups, const char **names, size_t max,
                       size_t *count, struct why *why)
{
    size_t before = *count;
    for (size_t i = 0; groups->config && i < groups->config->group_count; i++) {
        if (!groups->config->groups[i].site) {
            continue;
        }
        if (*count == max) {
            return why_set(why, ERROR_RANGE, "more than %zu meters", max);
        }
        names[(*count)++] = groups->config->groups[i].name;
    }
    return *count > before
               ? OK
               : why_set(why, ERROR_ABSENT,
                         "what is the site's energy? no group in %s has site: yes (tally.yaml(5))",
                         groups->config ? groups->config->path : "a configuration: give -c FILE");
}
