#include "fault.h"

#include <stddef.h>

static const struct {
    const char *name, *meaning;
} words[FAULT_COUNT] = {
    [FAULT_NONE] = {"none", ""},
    [FAULT_JUNK] = {"junk", "of no form that is known"},
    [FAULT_SIZE] = {"too-large", "beyond a limit of the format"},
    [FAULT_WRONG_LOG] = {"wrong-log", "of another log than its topic says"},
    [FAULT_ALTERED] = {"altered-block", "another block for a number that is held or waits"},
    [FAULT_KEY] = {"unknown-key", "signed by a key that is not the log's"},
    [FAULT_SIGNATURE] = {"bad-signature", "a signature that does not verify"},
    [FAULT_DISAGREES] = {"disagreement", "the signed root is not that of the blocks that came"},
    [FAULT_HOLE] = {"hole", "blocks are missing, and were asked for"},
    [FAULT_FILE] = {"bad-file", "a file that is not what its name says"},
    [FAULT_FORK] = {"fork", "two signed checkpoints that contradict each other"},
    [FAULT_ROLLED_BACK] = {"rolled-back", "the gateway has a shorter log than is held here"},
    [FAULT_GONE] = {"gone", "the gateway no longer keeps blocks that are not held here"},
    [FAULT_ROOM] = {"dropped", "more than is kept in memory or taken in a second"},
    [FAULT_LIMIT] = {"over-limit", "too many logs, or a log too large"},
};

const char *fault_name(enum fault fault)
{
    return (size_t)fault < FAULT_COUNT ? words[fault].name : "?";
}

const char *fault_meaning(enum fault fault)
{
    return (size_t)fault < FAULT_COUNT ? words[fault].meaning : "";
}
