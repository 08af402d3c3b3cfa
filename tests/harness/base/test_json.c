#include "harness/base/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *parse(const char *text, struct err *e)
{
    return json_parse(text, strlen(text), "t.json", e);
}

Test(json, errors_have_a_place)
{
    static const struct {
        const char *text, *where;
    } cases[] = {{"{\"a\": 1,\n  b}", "t.json:2:"},
                 {"", "t.json:1:0:"},
                 {"{\"a\": 1, \"a\": 2}", "duplicate"},
                 {"[1, 2", "t.json:1:"},
                 {"{} x", "t.json:1:"},
                 {"[\"\xFF\"]", "t.json:1:2: unable to decode"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        cr_assert_null(parse(cases[i].text, &e));
        cr_assert_not_null(strstr(e.text, cases[i].where), "%s", e.text);
        cr_assert_eq(e.kind, ERR_WORLD);
    }
    struct err e = {0};
    cr_assert_null(json_read("/nowhere/x.json", &e));
    cr_assert_not_null(strstr(e.text, "/nowhere/x.json"));
}

Test(json, nesting_without_end_is_refused)
{
    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    struct err e = {0};
    cr_assert_null(parse(deep, &e));
    free(deep);
}

Test(json, typed_reads)
{
    struct err e = {0};
    json_t *o =
        parse("{\"t\": \"x\", \"i\": 7, \"f\": 0.5, \"b\": true, \"l\": [1], \"m\": {}}", &e);
    const char *text = NULL;
    long i = 0;
    double f = 0;
    bool b = false;
    json_t *list = NULL, *map = NULL;
    cr_assert(json_text(&text, o, "t", "t.json", &e) == 0 && strcmp(text, "x") == 0);
    cr_assert(json_long(&i, o, "i", "t.json", &e) == 0 && i == 7);
    cr_assert(json_double(&f, o, "f", "t.json", &e) == 0 && f == 0.5);
    cr_assert(json_double(&f, o, "i", "t.json", &e) == 0 && f == 7);
    cr_assert(json_bool(&b, o, "b", "t.json", &e) == 0 && b);
    cr_assert(json_list(&list, o, "l", "t.json", &e) == 0 && json_array_size(list) == 1);
    cr_assert(json_map(&map, o, "m", "t.json", &e) == 0 && json_object_size(map) == 0);

    cr_assert_eq(json_long(&i, o, "gone", "t.json", &e), -1);
    cr_assert_str_eq(e.text, "t.json: the key \"gone\" is missing");
    cr_assert_eq(json_long(&i, o, "f", "t.json", &e), -1);
    cr_assert_str_eq(e.text, "t.json: \"f\" must be a whole number, not a fraction");
    cr_assert_eq(json_text(&text, o, "i", "t.json", &e), -1);
    cr_assert_eq(json_double(&f, o, "t", "t.json", &e), -1);
    cr_assert_eq(json_bool(&b, o, "i", "t.json", &e), -1);
    cr_assert_eq(json_list(&list, o, "m", "t.json", &e), -1);
    cr_assert_eq(json_map(&map, o, "l", "t.json", &e), -1);
    cr_assert_eq(json_long(&i, list, "i", "t.json", &e), -1);
    cr_assert_str_eq(e.text, "t.json: a map with the key \"i\" is expected, not a list");
    cr_assert_eq(json_long(&i, NULL, "i", "t.json", &e), -1);
    cr_assert_eq(i, 7);
    json_decref(o);
}

Test(json, writing_does_not_depend_on_the_order_of_keys)
{
    struct err e = {0};
    struct str x = {0}, y = {0};
    json_t *one = parse("{\"b\": [1, 0.1], \"a\": \"\\u00e9\"}", &e);
    json_t *two = parse("{\"a\": \"\\u00e9\", \"b\": [1, 0.1]}", &e);
    json_add(&x, one, 2);
    json_add(&y, two, 2);
    cr_assert_str_eq(str_text(&x), str_text(&y));
    str_clear(&x);
    json_add(&x, json_array_get(json_object_get(one, "b"), 0), 0);
    cr_assert_str_eq(str_text(&x), "1");
    json_decref(two);
    str_release(&x);
    str_release(&y);

    char path[] = "/tmp/ftbench-json-XXXXXX";
    close(mkstemp(path));
    cr_assert_eq(json_write(path, one, &e), 0);
    two = json_read(path, &e);
    cr_assert(json_equal(one, two));
    unlink(path);
    json_decref(one);
    json_decref(two);
}
