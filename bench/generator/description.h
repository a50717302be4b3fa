// SPDX-License-Identifier: BSD-3-Clause
// What the generator is told: clouds, as they stand behind its ports, and flows between them.
//
//	{"hops": 1,
//	 "clouds": [{"name": "pc1", "port": 0, "vlan": 10, "networks": ["10.1.0.0/22",
//"fd00:1::/48"], 	             "gateway_mac": "MAC of t0x there", "router_mac": "MAC of the T0
// router"}], 	 "flows": [{"from": "pc1", "to": "pc2"},
//	           {"from": "pc1", "to": "pc3", "kind": "forbidden", "share": 0.1}]}
//
// A flow may have "family" (4, or 6), "share" of the frames (1), and "addresses": how many pairs
// of addresses it takes turns with (16). "hops" is by how much the way lowers the TTL: 1, or 0 when
// a bridge is measured in place of t0xd.
#pragma once

#include "kind.h"

#include <jansson.h>
#include <rte_ether.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOUDS_MAX 1024
#define FLOWS_MAX 4096
#define NETWORKS_MAX 8
#define ADDRESSES_MAX 4096
#define NAME_SIZE 64
#define ERROR_SIZE 200

struct network {
	uint8_t family; // IPV4, IPV6
	uint8_t length; // of the prefix
	uint8_t address[16];
};

struct cloud {
	char name[NAME_SIZE];
	uint16_t port;
	uint16_t vlan; // 0: untagged
	unsigned n_networks;
	struct network networks[NETWORKS_MAX];
	struct rte_ether_addr gateway_mac;
	struct rte_ether_addr router_mac;
};

struct flow {
	uint16_t from; // clouds
	uint16_t to;
	enum kind kind;
	uint8_t family;
	unsigned addresses;
	double share;
};

struct description {
	unsigned hops;
	unsigned n_clouds;
	unsigned n_flows;
	struct cloud *clouds;
	struct flow *flows;
};

// Take what the object has of "hops", "clouds" and "flows"; the rest stays as it was.
//
// ports     how many there are
// error     why not, of ERROR_SIZE
// returns   0, or -1 with 'description' as it was
int description_update(
	struct description *description, json_t *object, unsigned ports, char *error
);
void description_free(struct description *description);

const char *kind_name(enum kind kind);
const char *kind_reason(enum kind kind); // NULL: none, it must arrive
const char *kind_text(enum kind kind);

// The first network of the family; NULL: none.
const struct network *cloud_network(const struct cloud *cloud, uint8_t family);
