// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// The guard's maps. guard_maps.h tells what they hold, and who writes it.
#pragma once

#include "guard_maps.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h> // needs those above

#define GUARD_ROUTES_MAX (1 << 24)
#define GUARD_TRAFFIC_MAX (1 << 18) // 131,072 interconnects: each takes memory beforehand
#define GUARD_SWITCHES_BYTES (64 * 1024)

// Shared by all ports.

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_SLOTS);
	__type(key, __u32);
	__type(value, struct guard_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, GUARD_ROUTES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_route4_key);
	__type(value, guard_leaf);
} routes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, GUARD_ROUTES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_route6_key);
	__type(value, guard_leaf);
} routes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_CLOUD_MAX + 1);
	__type(key, __u32); // cloud
	__type(value, __u32); // slot
} ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_SLOTS);
	__type(key, __u32);
	__type(value, struct guard_egress);
} egresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, GUARD_CLOUD_MAX + 1);
	__type(key, __u32); // cloud
	__type(value, __u32); // ifindex
} tx SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, GUARD_CLOUD_MAX + 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32); // cloud
	__type(value, struct guard_count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, GUARD_TRAFFIC_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_traffic_key);
	__type(value, struct guard_traffic);
} traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GUARD_SWITCHES_BYTES);
} switches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct guard_life);
} life SEC(".maps");

// Of one netdev, by its rx queues. libxdp wants the first to have this name.

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, GUARD_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_VLANS);
	__type(key, __u32); // VLAN, or GUARD_UNTAGGED
	__type(value, __u32); // slot
} vlans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_QUEUES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct guard_queue);
} queues SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct guard_explanation);
} explained SEC(".maps");
