// What can be wrong with what a gateway sends: the kinds that are counted, and their names.
#ifndef TALLY_CENTRE_FAULT_H
#define TALLY_CENTRE_FAULT_H

enum fault {
    FAULT_NONE,
    FAULT_JUNK,        // of another form: not taken
    FAULT_SIZE,        // beyond a limit of the format
    FAULT_WRONG_LOG,   // a block, checkpoint or hello of another log than its topic says
    FAULT_ALTERED,     // another block for a number that is held, or waits
    FAULT_KEY,         // signed by a key that is not the log's
    FAULT_SIGNATURE,   // signed, it says, by the log's key, and it does not verify
    FAULT_DISAGREES,   // the signed root is not that of the blocks that came
    FAULT_HOLE,        // blocks are missing
    FAULT_FILE,        // a file that is not what its name says
    FAULT_FORK,        // two signed checkpoints of one log that contradict each other
    FAULT_ROLLED_BACK, // the gateway has a shorter log than is held
    FAULT_GONE,        // the gateway no longer keeps blocks that are not held
    FAULT_ROOM,        // beyond what is kept in memory, or taken in a second: dropped
    FAULT_LIMIT,       // too many logs, or a log too large
    FAULT_COUNT,
};

// "altered-block"; static storage.
const char *fault_name(enum fault fault);
// A sentence on what it means, for `tally-centre status`.
const char *fault_meaning(enum fault fault);

#endif
