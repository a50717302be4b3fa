# SPDX-License-Identifier: BSD-3-Clause
# The books of one trial: does everything that the generator sent turn up in exactly one place?
#
# Input, slurped: what t0xd and the kernel say before the trial, the generator's answer, and what they say
# after it: {stats, ports, links}, of `t0xctl stats`, `t0xctl port list` and the netdevs of af_packet.
# Arguments: $kind and $name of the trial, $elastic.
#
#	sent + cut = came back + dropped by t0xd + lost on the way there + lost on the way back
#
#   sent         frames that the generator's drivers took
#   cut          of these, all that t0xd must make two fragments of: each is a frame more. One that is lost
#                there is not cut, so that such frames are sent only where nothing is lost
#   came back    frames with the generator's mark that its drivers gave it: received (each once, whole,
#                where it belongs), duplicate, corrupt and unexpected; the last three must be 0
#   dropped      t0xd's counters, every reason and cloud. Those of "no cloud" are frames on nobody's VLAN;
#                but what could not be sent there (tx_full ...) are ICMP errors of t0xd's own
#   lost there   rings between two processes: nothing, a full ring refuses and the frame was not sent.
#                Veths: what the kernel dropped behind the generator's netdev, and what t0xd's port missed
#   lost back    the same the other way
#
# ICMP errors that t0xd makes go the same way back, so that in all
#
#	sent + cut + ICMP errors sent = came back + dropped + lost there + lost back
#	                                + ICMP errors that came back + ICMP errors that could not be sent
#
# and four more must hold:
#
#	received by t0xd (its clouds' count) = sent - lost there
#	traffic of interconnects = received by t0xd - dropped before they were to be sent
#	ICMP errors sent - that came back - that could not be sent = 0, or not more than lost back
#	dropped for a reason = sent with that fault, where nothing was lost there
#
# "elastic" are reasons under which more may drop than was sent for them, while interconnects come and
# go; their counters of traffic go with them.

def sum(f): [f] | add // 0;

# Reasons of frames that were to be forwarded, and then found no room.
def late: ["tx_full", "tx_ring_full", "egress_down"];

# By cloud and reason; "/reason" of no cloud.
def stats_drops: [.stats.drops[] | {key: "\(.cloud // "")/\(.reason)", value: .packets}] | from_entries;
def difference($before): to_entries | map(.value -= ($before[.key] // 0) | select(.value != 0))
	| from_entries;

{before: .[0], generator: .[1], after: .[2]}
| (.before | stats_drops) as $drops_before
| (.after | stats_drops | difference($drops_before)) as $drops
| .generator as $g
| (.after, .before) |= {
	icmp: sum(.stats.icmp[].sent), received: sum(.stats.clouds[].received), punts: sum(.stats.punts[].packets),
	traffic: sum(.stats.interconnects[] | .cloud_to_peer.packets, .peer_to_cloud.packets),
	there: (sum(.ports[].rx_missed) + sum(.links[].there)), back: sum(.links[].back)}
| (.before as $before | .after | with_entries(.value -= $before[.key])) as $t0xd

| sum($drops | to_entries[] | select(.key | startswith("/") and (.[1:] | IN(late[]))) | .value) as $icmp_unsent
| (sum($drops[]) - $icmp_unsent) as $dropped
| ([$drops | to_entries[] | {reason: (.key | sub("^.*/"; "")), value}] | group_by(.reason)
	| map({key: .[0].reason, value: sum(.[].value)}) | from_entries) as $reasons
| (sum($reasons | to_entries[] | select(.key | IN(late[])) | .value) - $icmp_unsent) as $dropped_late
| (sum($g.ports[].missed) + $t0xd.back) as $lost_back
| ($g.received + $g.duplicate + $g.corrupt + $g.unexpected) as $came
| sum($g.clouds[].icmp_errors) as $icmp_came
| ($t0xd.icmp - $icmp_came - $icmp_unsent) as $icmp_lost

| ([$g.flows[] | select(.reason)] | group_by(.reason)
	| map({key: .[0].reason, value: sum(.[].sent)}) | from_entries) as $faults
| [($faults + $reasons) | keys[] | select(IN(late[]) | not)
	| {reason: ., sent: ($faults[.] // 0), dropped: ($reasons[.] // 0)}
	| select(.dropped < .sent or (.dropped > .sent and (.reason | IN($elastic[]) | not)))] as $off

| {
	$kind, $name, seconds: $g.seconds, rate: $g.rate, offered: $g.offered, sent: $g.sent, cut: $g.cuts, received: $g.received,
	forwarded_per_second: (if $g.seconds > 0 then $g.received / $g.seconds else 0 end),
	dropped: $dropped, reasons: $reasons, lost_there: $t0xd.there, lost_back: $lost_back,
	reordered: $g.reordered, duplicate: $g.duplicate, corrupt: $g.corrupt, unexpected: $g.unexpected,
	other: (sum($g.clouds[].other) + $g.stray), latency_us: $g.latency_us,
	icmp: {sent: $t0xd.icmp, came: $icmp_came, unsent: $icmp_unsent},

	# All of these must be 0, and the list empty.
	unaccounted: ($g.sent + $g.cuts - $came - $dropped - $t0xd.there - $lost_back + $icmp_lost),
	not_received: ($g.sent - $t0xd.there - $t0xd.received),
	not_traffic: (if $elastic == [] then $t0xd.received - $t0xd.punts - ($dropped - $dropped_late) - $t0xd.traffic
		else 0 end),
	icmp_unaccounted: (if $icmp_lost >= 0 and $icmp_lost <= $lost_back then 0 else $icmp_lost end),
	reasons_off: (if $t0xd.there == 0 then $off else [] end)
}
