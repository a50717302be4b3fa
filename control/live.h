// SPDX-License-Identifier: BSD-3-Clause
// What happens by itself: links, router MACs and ports that come and go.
//
// Each finding goes into cloud->live, from there into the cloud's egress, and where the state that
// users see changes, into an event. Control thread.
#pragma once

#include "control.h"
#include "refusal.h"
#include "region.h"

// Attach the port and the control netdev of a cloud and make both known to the workers. Used when
// a cloud is created, at start, and when a port that was absent has come. Returns 0, or -1 with the
// refusal; '*undo' then says whether program_detach() is due.
int live_attach(
	struct exchange_control *control, struct cloud *cloud, bool *undo, struct refusal *refusal
);

// The second half of it, for a cloud whose port program_attach() has attached. Returns 0, or -1
// with the refusal; live_give_up() or live_detach() is due then.
int live_connect(struct exchange_control *control, struct cloud *cloud, struct refusal *refusal);

// Take a cloud off its port until another try, which live_tick() makes: it is Disconnected for the
// reason that 'refusal' gives.
void live_give_up(
	struct exchange_control *control, struct cloud *cloud, const struct refusal *refusal
);

// At start: attach the ports of all clouds and make them known to the workers; the control netdevs
// follow from the event loop. A cloud whose port is absent, or otherwise fails, is Disconnected and
// tried again.
void live_start(struct exchange_control *control);

// Attach, or leave it to another try.
void live_try_attach(struct exchange_control *control, struct cloud *cloud);

// The MTU or the router MAC of a cloud has been set: 'had_router_mac' says whether it had a static
// one before.
void live_settings(struct exchange_control *control, struct cloud *cloud, bool had_router_mac);

// The counterpart: control netdev gone, port given back; 'done' when no worker can touch it.
void live_detach(
	struct exchange_control *control, struct cloud *cloud, void (*done)(void *arg), void *arg
);

// Publish the egress anew after cloud->live or settings changed.
void live_program(struct exchange_control *control, struct cloud *cloud);

// Callbacks of netdev.h and link.h; 'arg' is the struct exchange_control.
void live_on_router(uint16_t cloud, const struct mac *mac, void *arg);
void live_on_frame(uint16_t cloud, const uint8_t *frame, size_t length, void *arg);
void live_on_link(const char *netdev, bool up, void *arg);

// A frame that the data plane punted.
void live_on_punt(uint16_t cloud, const uint8_t *frame, size_t length, void *arg);

// Ask the drivers for the links of ports without a netdev: link_bell.h has rung.
void live_read_links(struct exchange_control *control);

// Once a second: link states that no one announces, ports that vanished, ports that were absent,
// routers that are not resolved.
void live_tick(struct exchange_control *control);

// Write an event for every cloud and interconnect whose visible state is not the reported one.
// 'cloud' NULL: for all.
void live_report(struct exchange_control *control, struct cloud *cloud);
