# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# A region of a thousand clouds, beside the lab's: VLANs of four trunks. Sourced.
#
# Cloud sI (from 0): VLAN 2 + I / 4 of trunk I mod 4, transit network the I-th /30 of 169.254.16.0/20,
# network block the I-th /22 of 10.64.0.0/12, N routed segments (three, unless asked for more), the
# N I-th and on of the /24s of 10.128.0.0/12, or, where they do not fit there, the first half of each
# of 20.0.0.0/8, and 192.168.100.0/24, which is not routed. It is interconnected with its next five.

TRUNKS=(231 232 233 234) # numbers of clouds as topology.sh has them, for names

# scale_region CLOUDS [router_mac [SEGMENTS]]: region.json; the T0 routers' MACs given, or to be
# learned (an empty word).
scale_region() {
	local ports
	ports=$(for trunk in "${TRUNKS[@]}"; do port_devargs "$trunk"; done | jq -R . | jq -s .)
	jq -n --argjson n "$1" --argjson ports "$ports" --arg macs "${2:-}" --argjson routed "${3:-3}" '
		def octets: [. / 16777216, . / 65536, . / 256, .] | map(floor % 256 | tostring) | join(".");
		def hex: [. / 16, . % 16] | map(floor | if . < 10 then 48 + . else 87 + . end) | implode;
		(if $n * $routed <= 4096 then [176160768, 24] else [335544320, 25] end) as [$first, $len]
		| {version: 1,
		 clouds: [range($n) as $i | {
			name: "s\($i)", location: "westeurope", port: $ports[$i % 4],
			vlan: (2 + ($i / 4 | floor)),
			gateway: ["\(2851999744 + 4 * $i + 1 | octets)/30"],
			router: [2851999744 + 4 * $i + 2 | octets],
			network_block: ["\(171966464 + 1024 * $i | octets)/22"],
			mtu: 1500,
			segments: ([range($routed) as $k | {
				name: "w\($k)", routed: true,
				gateway_address: ["\($first + 256 * ($routed * $i + $k) + 1 | octets)/\($len)"]}]
				+ [{name: "private", gateway_address: ["192.168.100.1/24"], routed: false}])
		 } + (if $macs == "" then {} else
			{router_mac: "02:54:31:\($i / 256 | floor | hex):\($i % 256 | hex):02"} end)],
		 interconnects: [range($n) as $i | range(1; 6) as $d
			| {cloud: "s\($i)", peer: "s\(($i + $d) % $n)"}
			| .name = .peer | {name, cloud, peer}],
		 grants: []}'
}

# region_join FILE FILE: the clouds, interconnects and grants of both.
region_join() {
	jq -s '{version: 1, clouds: (.[0].clouds + .[1].clouds),
		interconnects: (.[0].interconnects + .[1].interconnects),
		grants: (.[0].grants + .[1].grants)}' "$1" "$2"
}

trunks_create() {
	local trunk
	for trunk in "${TRUNKS[@]}"; do
		trunk_link "$trunk"
	done
}

trunks_remove() {
	local trunk
	for trunk in "${TRUNKS[@]}"; do
		topology_cloud_remove "$trunk"
	done
}
