// Which addresses a server may call for a stranger: the blocks below are those that the IANA
// special-purpose registries (RFC 6890 and its successors) do not call globally reachable, the
// AS112 and 6to4-relay anycast blocks, multicast, and one cloud's metadata service that sits in a
// public-looking block. Compared as numbers; text never counts.
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "fetch/fetch.h"

struct ipv4_block {
    uint8_t network[4];
    int bits;
};

static const struct ipv4_block refused_ipv4[] = {
    {{0, 0, 0, 0}, 8},         // "this network"
    {{10, 0, 0, 0}, 8},        // private
    {{100, 64, 0, 0}, 10},     // carrier-grade NAT; Alibaba's metadata at 100.100.100.200
    {{127, 0, 0, 0}, 8},       // loopback
    {{168, 63, 129, 16}, 32},  // Azure's platform and metadata service
    {{169, 254, 0, 0}, 16},    // link-local; metadata at 169.254.169.254 and 169.254.170.2
    {{172, 16, 0, 0}, 12},     // private
    {{192, 0, 0, 0}, 24},      // protocol assignments
    {{192, 0, 2, 0}, 24},      // documentation
    {{192, 31, 196, 0}, 24},   // AS112
    {{192, 52, 193, 0}, 24},   // automatic multicast tunnelling
    {{192, 88, 99, 0}, 24},    // 6to4 relays
    {{192, 168, 0, 0}, 16},    // private
    {{192, 175, 48, 0}, 24},   // AS112
    {{198, 18, 0, 0}, 15},     // benchmarking
    {{198, 51, 100, 0}, 24},   // documentation
    {{203, 0, 113, 0}, 24},    // documentation
    {{224, 0, 0, 0}, 4},       // multicast
    {{240, 0, 0, 0}, 4},       // reserved, and the broadcast address
};

struct ipv6_block {
    uint8_t network[16];
    int bits;
};

// Only 2000::/3 is global unicast; these are its exceptions.
static const struct ipv6_block global_ipv6 = {{0x20}, 3};
static const struct ipv6_block refused_ipv6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23},              // protocol assignments, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32},              // documentation
    {{0x20, 0x02}, 16},                          // 6to4
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48},  // AS112
    {{0x3f, 0xff}, 20},                          // documentation
};
// The last four bytes of these are the IPv4 address that is really called.
static const struct ipv6_block carrying_ipv4[] = {
    {{[10] = 0xff, [11] = 0xff}, 96},  // mapped
    {{0x00, 0x64, 0xff, 0x9b}, 96},    // NAT64, what DNS64 gives on networks without IPv4
};

static bool has_prefix(const uint8_t *address, const uint8_t *network, int bits) {
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(address, network, (size_t)whole) != 0) return false;
    return rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0;
}

static bool ipv4_is_public(const uint8_t address[static 4]) {
    for (size_t i = 0; i < sizeof refused_ipv4 / sizeof *refused_ipv4; i++)
        if (has_prefix(address, refused_ipv4[i].network, refused_ipv4[i].bits)) return false;
    return true;
}

static bool ipv6_is_public(const uint8_t address[static 16]) {
    for (size_t i = 0; i < sizeof carrying_ipv4 / sizeof *carrying_ipv4; i++)
        if (has_prefix(address, carrying_ipv4[i].network, carrying_ipv4[i].bits))
            return ipv4_is_public(address + 12);
    if (!has_prefix(address, global_ipv6.network, global_ipv6.bits)) return false;
    for (size_t i = 0; i < sizeof refused_ipv6 / sizeof *refused_ipv6; i++)
        if (has_prefix(address, refused_ipv6[i].network, refused_ipv6[i].bits)) return false;
    return true;
}

bool address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, address, sizeof ipv4);
        uint8_t bytes[4];
        memcpy(bytes, &ipv4.sin_addr, sizeof bytes);
        return ipv4_is_public(bytes);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, address, sizeof ipv6);
        return ipv6_is_public(ipv6.sin6_addr.s6_addr);
    }
    return false;
}

bool port_is_public(long port) { return port == 80 || port == 443; }
