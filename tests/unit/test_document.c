// config/document: trees with places, and every fault of a text that is not as it should be.
#include "base/error.h"
#include "config/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int read_string(struct document *document, struct faults *faults, const char *text)
{
    return document_read_text(document, "t.yaml", text, strlen(text), faults);
}

// Reads the text and expects these faults, in this order, up to a NULL.
static void expect_faults(const char *text, const char *const *lines)
{
    struct faults faults = {0};
    struct document document;
    read_string(&document, &faults, text);
    size_t count = 0;
    for (; lines[count]; count++) {
        assert_true(count < faults.count);
        assert_string_equal(faults.lines[count], lines[count]);
    }
    assert_int_equal(faults.count, count);
    document_free(&document);
    faults_free(&faults);
}

static void document_knows_the_place_of_each_node(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct document document;
    assert_int_equal(
        read_string(&document, &faults, "a: 1\nlist:\n  - {b: \"x\", grün: y}\n  - z\nempty:\n"),
        OK);
    const struct node *root = document.root, *list = node_child(root, "list");
    assert_int_equal(root->kind, NODE_MAPPING);
    assert_int_equal(node_child(root, "a")->column, 4);
    assert_int_equal(node_child(root, "a")->key_column, 1);
    assert_int_equal(list->kind, NODE_SEQUENCE);
    assert_int_equal(list->key_line, 2);
    assert_int_equal(list->first->line, 3);
    assert_int_equal(list->first->column, 5);
    const struct node *b = node_child(list->first, "b"), *green = node_child(list->first, "grün");
    assert_true(b->quoted);
    assert_false(green->quoted);
    assert_int_equal(green->key_column, 14);
    assert_int_equal(green->column, 20); // characters, not bytes
    assert_string_equal(list->first->next->scalar, "z");
    assert_null(list->first->next->key);
    assert_string_equal(node_child(root, "empty")->scalar, "");
    assert_null(node_child(root, "absent"));
    assert_int_equal(faults.count, 0);
    document_free(&document);
    document_free(&document);
    faults_free(&faults);
}

static void document_skips_a_byte_order_mark(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct document document;
    assert_int_equal(read_string(&document, &faults,
                                 "\xef\xbb\xbf"
                                 "a: 1\n"),
                     OK);
    assert_int_equal(node_child(document.root, "a")->column, 4);
    document_free(&document);
    faults_free(&faults);
}

static void document_refuses_what_is_no_plain_tree(void **state)
{
    (void)state;
    expect_faults("a: &x 1\nb: *x\nc: !!int 3\nd:\n  <<: {e: 1}\n  f: 2\n",
                  (const char *const[]){
                      "t.yaml:1:4: anchor '&x': not taken here (write the values out)",
                      "t.yaml:2:4: alias '*x': not taken here (write the values out)",
                      "t.yaml:3:4: tag 'tag:yaml.org,2002:int': not taken here (leave it out)",
                      "t.yaml:5:3: merge key '<<': not taken here (write the keys out)", NULL});
    expect_faults("a: 1\nb: 2\na: 3\n",
                  (const char *const[]){"t.yaml:3:1: key 'a' a second time (first at 1:1)", NULL});
    expect_faults("{[1, {b: 2}]: x, c: 1, {d: 1}: [e]}",
                  (const char *const[]){
                      "t.yaml:1:2: a key that is not a text (expected `name: value`)",
                      "t.yaml:1:24: a key that is not a text (expected `name: value`)", NULL});
    expect_faults(
        "a: 1\n---\nb: 2\n",
        (const char *const[]){"t.yaml:2:1: a second document (expected one in a file)", NULL});
    expect_faults("a: \"x\\0y\"\n",
                  (const char *const[]){"t.yaml:1:4: a zero byte in a text: not allowed", NULL});
}

static void document_says_where_a_text_is_no_yaml(void **state)
{
    (void)state;
    expect_faults("", (const char *const[]){"t.yaml: the file is empty", NULL});
    expect_faults("# only a remark\n", (const char *const[]){"t.yaml: the file is empty", NULL});
    expect_faults("a:\n\tb: 1\n",
                  (const char *const[]){
                      "t.yaml:2:1: a tab character: not allowed here (expected spaces)", NULL});
    expect_faults("a: 1\nb: x\xff"
                  "y\n",
                  (const char *const[]){"t.yaml:2:5: byte 0xff: not UTF-8", NULL});
    expect_faults(
        "a: 1\nb: \x01\n",
        (const char *const[]){"t.yaml:2:4: a control character (byte 0x01): not allowed", NULL});
    expect_faults("a: [1, 2\nb: 3\n",
                  (const char *const[]){"t.yaml:2:2: not YAML: did not find expected ',' or ']' "
                                        "while parsing a flow sequence that begins at line 1",
                                        NULL});
}

static void a_character_cut_short_is_placed_at_its_start(void **state)
{
    (void)state;
    expect_faults("a: \xe7\xba\xba\xe7\xba"
                  "b\n",
                  (const char *const[]){"t.yaml:1:5: byte 0xe7: not UTF-8", NULL});
    expect_faults("a: \xf6rk\n", (const char *const[]){"t.yaml:1:4: byte 0xf6: not UTF-8", NULL});
}

static void document_is_bounded(void **state)
{
    (void)state;
    size_t size = DOCUMENT_BYTES_MAX + 1;
    char *big = malloc(size);
    struct faults faults = {0};
    struct document document;
    memset(big, '[', size);
    assert_int_equal(document_read_text(&document, "t.yaml", big, size - 1, &faults), ERROR_INPUT);
    assert_string_equal(faults.lines[0], "t.yaml:1:33: nested more than 32 levels deep");
    assert_int_equal(document_read_text(&document, "t.yaml", big, size, &faults), ERROR_INPUT);
    assert_string_equal(faults.lines[1], "t.yaml: longer than 4194304 bytes: too long");
    big[0] = '[';
    for (size_t i = 1; i < size - 1; i++) {
        big[i] = i % 2 ? 'a' : ',';
    }
    assert_int_equal(document_read_text(&document, "t.yaml", big, size - 1, &faults), ERROR_INPUT);
    assert_string_equal(faults.lines[2],
                        "t.yaml:1:400000: more than 200000 values: too many for one file");
    assert_null(document.root);
    free(big);
    faults_free(&faults);
}

static void many_keys_cost_no_square(void **state)
{
    (void)state;
    char *text = malloc(DOCUMENT_BYTES_MAX);
    size_t used = 0;
    for (int i = 0; i < 190000; i++) {
        used += (size_t)sprintf(text + used, "k%d: %d\n", i, i % 10);
    }
    struct faults faults = {0};
    struct document document;
    assert_int_equal(document_read_text(&document, "t.yaml", text, used, &faults), OK);
    assert_string_equal(node_child(document.root, "k189999")->scalar, "9");
    document_free(&document);
    faults_free(&faults);
    free(text);
}

static void a_file_that_cannot_be_read_is_a_fault(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct document document;
    assert_int_equal(document_read_file(&document, "/nonexistent/x.yaml", &faults), ERROR_INPUT);
    assert_string_equal(faults.lines[0],
                        "/nonexistent/x.yaml: cannot be opened: No such file or directory");
    assert_int_equal(document_read_file(&document, "/", &faults), ERROR_INPUT);
    assert_string_equal(faults.lines[1], "/: cannot be read: Is a directory");
    faults_free(&faults);
}

static void keys_are_read_against_a_table(void **state)
{
    (void)state;
    struct faults faults = {0};
    struct document document;
    const struct node *baud, *name, *rtu, *list;
    const struct document_key keys[] = {{"baud", false, NODE_SCALAR, &baud},
                                        {"name", true, NODE_SCALAR, &name},
                                        {"rtu", true, NODE_SCALAR, &rtu},
                                        {"list", false, NODE_SEQUENCE, &list}};
    read_string(&document, &faults, "{bauds: 1, rtu: [], list: x, zzz: 1, bauds: 2}");
    assert_false(document_read_keys(&document, document.root, "bus", keys, 4));
    assert_null(baud);
    assert_null(name);
    assert_null(rtu);
    static const char *const lines[] = {
        "t.yaml:1:38: key 'bauds' a second time (first at 1:2)",
        "t.yaml:1:2: unknown key 'bauds'; did you mean 'baud'?",
        "t.yaml:1:17: rtu: a list (expected a single value)",
        "t.yaml:1:27: list: a single value (expected a list)",
        "t.yaml:1:30: unknown key 'zzz' (known here: baud, name, rtu, list)",
        "t.yaml:1:1: bus: key 'name' is missing"};
    assert_int_equal(faults.count, sizeof lines / sizeof lines[0]);
    for (size_t i = 0; i < faults.count; i++) {
        assert_string_equal(faults.lines[i], lines[i]);
    }
    document_free(&document);
    faults_free(&faults);
}

enum { AS_INT, AS_BOOL, AS_DURATION, AS_SIZE, AS_CHOICE, AS_STRING };

// Reads `k: text` as the kind says; the fault, without its place, or "" and the value in *out.
static void read_as(int kind, const char *text, int64_t *out, char fault[256])
{
    static const char *const words[] = {"none", "even", "odd"};
    char yaml[256];
    snprintf(yaml, sizeof yaml, "k: %s\n", text);
    struct faults faults = {0};
    struct document document;
    assert_int_equal(read_string(&document, &faults, yaml), OK);
    const struct node *node = node_child(document.root, "k");
    const char *string = NULL;
    bool flag = false;
    int choice = 0;
    *out = -77;
    switch (kind) {
    case AS_INT: document_int(&document, node, "k", 1, 247, out); break;
    case AS_DURATION: document_duration(&document, node, "k", 20000, 86400000000, out); break;
    case AS_SIZE: document_size(&document, node, "k", 1024, (int64_t)1 << 40, out); break;
    case AS_STRING: document_string(&document, node, "k", 1, 5, &string); break;
    case AS_BOOL: *out = document_bool(&document, node, "k", &flag) ? flag : *out; break;
    default: *out = document_choice(&document, node, "k", words, 3, &choice) ? choice : *out; break;
    }
    assert_true(faults.count <= 1);
    snprintf(fault, 256, "%s", faults.count ? faults.lines[0] + strlen("t.yaml:1:4: ") : "");
    document_free(&document);
    faults_free(&faults);
}

static void scalars_are_read_or_say_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        int kind;
        const char *text;
        int64_t value;
        const char *fault;
    } cases[] = {
        {AS_INT, "247", 247, ""},
        {AS_INT, "248", -77, "k 248: out of range (expected 1 to 247)"},
        {AS_INT, "-1", -77, "k -1: out of range (expected 1 to 247)"},
        {AS_INT, "99999999999999999999", -77,
         "k 99999999999999999999: out of range (expected 1 to 247)"},
        {AS_INT, "012", -77, "k 012: not a whole number (expected 1 to 247)"},
        {AS_INT, "1.5", -77, "k 1.5: not a whole number (expected 1 to 247)"},
        {AS_INT, "", -77, "k \"\": not a whole number (expected 1 to 247)"},
        {AS_BOOL, "yes", 1, ""},
        {AS_BOOL, "false", 0, ""},
        {AS_BOOL, "on", -77, "k on: expected yes or no"},
        {AS_DURATION, "15s", 15000000, ""},
        {AS_DURATION, "500ms", 500000, ""},
        {AS_DURATION, "1d", 86400000000, ""},
        {AS_DURATION, "15", -77, "k 15: has no unit (expected ms, s, min, h or d, as in 15s)"},
        {AS_DURATION, "1.5s", -77,
         "k 1.5s: not a duration (expected a whole number with ms, s, min, h or d, as in 15s)"},
        {AS_DURATION, "19ms", -77, "k 19ms: out of range (expected 20ms to 1d)"},
        {AS_DURATION, "9000000000000000000d", -77,
         "k 9000000000000000000d: out of range (expected 20ms to 1d)"},
        {AS_SIZE, "20MiB", 20 << 20, ""},
        {AS_SIZE, "20MB", -77,
         "k 20MB: not a size (expected a whole number with KiB, MiB, GiB or TiB, as in 20MiB)"},
        {AS_SIZE, "3TiB", -77, "k 3TiB: out of range (expected 1KiB to 1TiB)"},
        {AS_CHOICE, "odd", 2, ""},
        {AS_CHOICE, "evne", -77, "k evne: not one of none, even, odd; did you mean 'even'?"},
        {AS_CHOICE, "mark", -77, "k mark: not one of none, even, odd"},
        {AS_STRING, "", -77, "k: nothing (expected a text)"},
        {AS_STRING, "sixsix", -77, "k sixsix: 6 bytes long (expected 1 to 5)"},
        {AS_STRING, "\"a\\nb\"", -77, "k \"a?b\": has a line break or other control character"},
        {AS_STRING, "[a]", -77, "k: a list (expected a single value)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char fault[256];
        int64_t value;
        read_as(cases[i].kind, cases[i].text, &value, fault);
        assert_string_equal(fault, cases[i].fault);
        assert_int_equal(value, cases[i].value);
    }
}

static void nearest_takes_small_slips_only(void **state)
{
    (void)state;
    static const char *const words[] = {"name", "baud", "parity", "stop_bits"};
    assert_string_equal(document_nearest("bauds", words, 4), "baud");
    assert_string_equal(document_nearest("paritiy", words, 4), "parity");
    assert_string_equal(document_nearest("stopbits", words, 4), "stop_bits");
    assert_string_equal(document_nearest("nmae", words, 4), "name");
    assert_null(document_nearest("colour", words, 4));
    assert_null(document_nearest("", words, 4));
}

static void faults_are_one_clean_line_and_bounded(void **state)
{
    (void)state;
    struct faults faults = {.max = 3};
    char name[600];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    faults_add(&faults, "f", 1, 2, "a\nb\x1b[31m\xc2\x9b");
    faults_add(&faults, name, 0, 0, "%s%s", name, name);
    faults_add(&faults, "f", 0, 0, "third");
    faults_add(&faults, "f", 0, 0, "fourth");
    assert_string_equal(faults.lines[0], "f:1:2: a?b?[31m?");
    assert_true(strlen(faults.lines[1]) < 1024);
    assert_string_equal(faults.lines[2], "f: third");
    assert_int_equal(faults.count, 3);
    assert_int_equal(faults.dropped, 1);
    faults_free(&faults);
    faults_free(NULL);
}

// Pieces that YAML cares about, strung together at random.
static size_t random_text(char *out, size_t max)
{
    static const char *const pieces[] = {
        "a",  ": ",          "\n",  "  ",           "- ",   "[",        "]",     "{",
        "}",  ",",           "&x ", "*x",           "!t ",  "<<",       "\"",    "'",
        "|",  ">",           "#",   "\t",           "\xff", "\xc3\xa4", "---\n", "...\n",
        "? ", "%YAML 1.1\n", "\\0", "\xe2\x80\xa8", "\r\n", "~"};
    size_t length = 0, count = (size_t)(rand() % 60);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])];
        if (length + strlen(piece) >= max) {
            break;
        }
        if (rand() % 16 == 0) {
            out[length++] = (char)(rand() % 256);
        } else {
            memcpy(out + length, piece, strlen(piece));
            length += strlen(piece);
        }
    }
    return length;
}

static void random_bytes_give_a_tree_or_a_fault(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    srand(seed);
    for (int round = 0; round < 20000; round++) {
        char text[512];
        size_t length = random_text(text, sizeof text);
        struct faults faults = {0};
        struct document document;
        int error = document_read_text(&document, "t.yaml", text, length, &faults);
        if ((error == OK) != (document.root != NULL) || (error != OK && faults.count == 0)) {
            fail_msg("seed %u round %d: %d, %zu faults", seed, round, error, faults.count);
        }
        document_free(&document);
        faults_free(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_knows_the_place_of_each_node),
        cmocka_unit_test(document_skips_a_byte_order_mark),
        cmocka_unit_test(document_refuses_what_is_no_plain_tree),
        cmocka_unit_test(document_says_where_a_text_is_no_yaml),
        cmocka_unit_test(a_character_cut_short_is_placed_at_its_start),
        cmocka_unit_test(document_is_bounded),
        cmocka_unit_test(many_keys_cost_no_square),
        cmocka_unit_test(a_file_that_cannot_be_read_is_a_fault),
        cmocka_unit_test(keys_are_read_against_a_table),
        cmocka_unit_test(scalars_are_read_or_say_what_was_expected),
        cmocka_unit_test(nearest_takes_small_slips_only),
        cmocka_unit_test(faults_are_one_clean_line_and_bounded),
        cmocka_unit_test(random_bytes_give_a_tree_or_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
