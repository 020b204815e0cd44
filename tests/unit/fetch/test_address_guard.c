// Every block of the guard's table at its first and last address and just outside, and the
// addresses that are really asked for by attackers.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetch/fetch.h"

struct judgement {
    const char *address;
    bool is_public;
};

static bool judge(const char *text) {
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)&ipv4);
    assert_int_equal(inet_pton(AF_INET6, text, &ipv6.sin6_addr), 1);
    return address_is_public((const struct sockaddr *)&ipv6);
}

static void check_table(const struct judgement *table, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (judge(table[i].address) != table[i].is_public)
            fail_msg("%s should be %s", table[i].address,
                     table[i].is_public ? "public" : "refused");
}
#define CHECK(table) check_table(table, sizeof table / sizeof *table)

static void test_ipv4_blocks(void **state) {
    (void)state;
    static const struct judgement table[] = {
        {"0.0.0.0", false},         {"0.255.255.255", false},   {"1.0.0.0", true},
        {"9.255.255.255", true},    {"10.0.0.0", false},        {"10.255.255.255", false},
        {"11.0.0.0", true},         {"100.63.255.255", true},   {"100.64.0.0", false},
        {"100.100.100.200", false}, {"100.127.255.255", false}, {"100.128.0.0", true},
        {"126.255.255.255", true},  {"127.0.0.0", false},       {"127.0.0.1", false},
        {"127.255.255.255", false}, {"128.0.0.0", true},        {"168.63.129.15", true},
        {"168.63.129.16", false},   {"168.63.129.17", true},    {"169.253.255.255", true},
        {"169.254.0.0", false},     {"169.254.169.254", false}, {"169.254.170.2", false},
        {"169.254.255.255", false}, {"169.255.0.0", true},      {"172.15.255.255", true},
        {"172.16.0.0", false},      {"172.31.255.255", false},  {"172.32.0.0", true},
        {"191.255.255.255", true},  {"192.0.0.0", false},       {"192.0.0.255", false},
        {"192.0.1.0", true},        {"192.0.1.255", true},      {"192.0.2.0", false},
        {"192.0.2.255", false},     {"192.0.3.0", true},        {"192.31.195.255", true},
        {"192.31.196.0", false},    {"192.31.196.255", false},  {"192.31.197.0", true},
        {"192.52.192.255", true},   {"192.52.193.0", false},    {"192.52.193.255", false},
        {"192.52.194.0", true},     {"192.88.98.255", true},    {"192.88.99.0", false},
        {"192.88.99.255", false},   {"192.88.100.0", true},     {"192.167.255.255", true},
        {"192.168.0.0", false},     {"192.168.255.255", false}, {"192.169.0.0", true},
        {"192.175.47.255", true},   {"192.175.48.0", false},    {"192.175.48.255", false},
        {"192.175.49.0", true},     {"198.17.255.255", true},   {"198.18.0.0", false},
        {"198.19.255.255", false},  {"198.20.0.0", true},       {"198.51.99.255", true},
        {"198.51.100.0", false},    {"198.51.100.255", false},  {"198.51.101.0", true},
        {"203.0.112.255", true},    {"203.0.113.0", false},     {"203.0.113.255", false},
        {"203.0.114.0", true},      {"223.255.255.255", true},  {"224.0.0.0", false},
        {"239.255.255.255", false}, {"240.0.0.0", false},       {"255.255.255.255", false},
        {"8.8.8.8", true},          {"93.184.216.34", true},
    };
    CHECK(table);
}

static void test_ipv6_blocks(void **state) {
    (void)state;
    static const struct judgement table[] = {
        {"::", false},
        {"::1", false},
        {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2000::", true},
        {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001::", false},
        {"2001:0:808:808::", false},
        {"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2001:200::", true},
        {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:db8::", false},
        {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2001:db9::", true},
        {"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2002::", false},
        {"2002:7f00:1::", false},
        {"2002:808:808::", false},
        {"2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2003::", true},
        {"2606:4700:4700::1111", true},
        {"2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", true},
        {"2620:4f:8000::", false},
        {"2620:4f:8000:ffff:ffff:ffff:ffff:ffff", false},
        {"2620:4f:8001::", true},
        {"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"3fff::", false},
        {"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"3fff:1000::", true},
        {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"4000::", false},
        {"100::", false},
        {"100::ffff:ffff:ffff:ffff", false},
        {"5f00::", false},
        {"fc00::", false},
        {"fd00:ec2::254", false},
        {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"fe80::1", false},
        {"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"fec0::1", false},
        {"ff00::", false},
        {"ff02::1", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    };
    CHECK(table);
}

static void test_ipv4_inside_ipv6(void **state) {
    (void)state;
    static const struct judgement table[] = {
        {"::ffff:127.0.0.1", false},
        {"::ffff:10.0.0.1", false},
        {"::ffff:169.254.169.254", false},
        {"::ffff:8.8.8.8", true},
        {"64:ff9b::127.0.0.1", false},
        {"64:ff9b::169.254.169.254", false},
        {"64:ff9b::192.168.1.1", false},
        {"64:ff9b::8.8.8.8", true},
        {"64:ff9b:0:0:0:1::", false},
        {"64:ff9b:1::8.8.8.8", false},
        {"64:ff9b:1:ffff::", false},
        {"::127.0.0.1", false},
        {"::8.8.8.8", false},
        {"::fffe:8.8.8.8", false},
        {"::ffff:0:8.8.8.8", false},
    };
    CHECK(table);
}

static void test_other_families_are_refused(void **state) {
    (void)state;
    struct sockaddr address = {.sa_family = AF_UNIX};
    assert_false(address_is_public(&address));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4_blocks),
        cmocka_unit_test(test_ipv6_blocks),
        cmocka_unit_test(test_ipv4_inside_ipv6),
        cmocka_unit_test(test_other_families_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
