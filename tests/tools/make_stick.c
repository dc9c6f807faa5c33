// Makes a signed ledger with receipts, for tests and benches (tests/unit/stick.h):
//
//     make_stick DIRECTORY BLOCKS READINGS POINTS [RECEIPT_EVERY [CENTRES [CHANGE [SIGNED
//     [SEED [SHIFT_FROM SHIFT_TO SHIFT_US]]]]]]
//
// in DIRECTORY: gateway.pub, gateway.pem, city-centre.pub … are the keys. SHIFT: by how much the
// clock is wrong, and in which blocks.
#include "../unit/stick.h"

static uint64_t number(int argc, char **argv, int at, uint64_t otherwise)
{
    return at < argc ? strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: make_stick DIRECTORY BLOCKS READINGS POINTS [RECEIPT_EVERY [CENTRES [CHANGE "
              "[SIGNED [SEED]]]]]\n",
              stderr);
        return 2;
    }
    struct stick_options options = {.directory = argv[1],
                                    .blocks = number(argc, argv, 2, 0),
                                    .readings = (unsigned)number(argc, argv, 3, 0),
                                    .points = (unsigned)number(argc, argv, 4, 0),
                                    .block_us = 10000000,
                                    .receipt_every = (unsigned)number(argc, argv, 5, 0),
                                    .centres = (unsigned)number(argc, argv, 6, 0),
                                    .definitions_change = number(argc, argv, 7, 0),
                                    .signed_size = number(argc, argv, 8, 0),
                                    .seed = number(argc, argv, 9, 0),
                                    .shift_from = number(argc, argv, 10, 0),
                                    .shift_to = number(argc, argv, 11, 0),
                                    .shift_us = (int64_t)number(argc, argv, 12, 0)};
    stick_make(&options);
    return 0;
}
