// What the bus worker is measured against: libmodbus in a loop, one connection, nothing else.
// bare_loop PORT REGISTERS SECONDS prints polls, seconds and the CPU time of it as JSON.

#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bare_loop PORT REGISTERS SECONDS\n");
        return 2;
    }
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    int registers = atoi(argv[2]);
    double seconds = atof(argv[3]);
    uint16_t values[MODBUS_MAX_READ_REGISTERS];
    if (!modbus || modbus_connect(modbus) || modbus_set_slave(modbus, 1)) {
        fprintf(stderr, "bare_loop: no connection\n");
        return 1;
    }
    long polls = 0;
    double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), end = start;
    while (end - start < seconds) {
        if (modbus_read_input_registers(modbus, 0, registers, values) != registers) {
            fprintf(stderr, "bare_loop: a read failed\n");
            return 1;
        }
        polls++;
        end = now(CLOCK_MONOTONIC);
    }
    printf("{\"polls\": %ld, \"seconds\": %.3f, \"cpu_s\": %.4f}\n", polls, end - start,
           now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    modbus_close(modbus);
    modbus_free(modbus);
    return 0;
}
