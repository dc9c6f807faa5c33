// What tally.yaml says of alarms as a whole: the program that is run when one is raised or cleared.
#include "config/config_read.h"

#define WORD_MAX   1024 // bytes of an argument
#define SECOND_US  INT64_C(1000000)
#define DEFAULT_US (30 * SECOND_US)
#define LONGEST_US (600 * SECOND_US)

// The program's path is resolved as every path is; its arguments are taken as they are.
static void read_hook(struct config_reader *reader, const struct node *list)
{
    size_t count = config_count(reader, list, "hook", CONFIG_HOOK_MAX);
    const char **words = config_take(reader, (count + 1) * sizeof *words);
    const struct node *node = list->first;
    if (!count) {
        document_fault(reader->document, list,
                       "hook: empty (expected a list of a program and its arguments)");
        return;
    }
    if (!words) {
        return;
    }
    words[0] = config_read_path(reader, node, "hook");
    for (size_t i = 1; i < count; i++) {
        node = node->next;
        document_string(reader->document, node, "hook", 0, WORD_MAX, &words[i]);
    }
    reader->config->alarms.hook = words;
}

void config_read_alarms(struct config_reader *reader, const struct node *node)
{
    const struct node *hook = NULL, *timeout = NULL;
    const struct document_key keys[] = {{"hook", true, NODE_SEQUENCE, &hook},
                                        {"timeout", false, NODE_SCALAR, &timeout}};
    reader->config->alarms.timeout_us = DEFAULT_US;
    document_read_keys(reader->document, node, "alarms", keys, sizeof keys / sizeof keys[0]);
    if (hook) {
        read_hook(reader, hook);
    }
    if (timeout) {
        document_duration(reader->document, timeout, "timeout", SECOND_US, LONGEST_US,
                          &reader->config->alarms.timeout_us);
    }
}
