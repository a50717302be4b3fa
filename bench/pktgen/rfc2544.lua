-- SPDX-License-Identifier: BSD-3-Clause
-- RFC 2544 throughput by frame size, for Pktgen-DPDK 23.03: pktgen ... -- -P -m ... -f rfc2544.lua
--
-- Port 0 stands behind cloud pc1, port 1 behind pc2, and both send at once. What to do is told by the
-- environment, since Pktgen hands a script no arguments:
--
--   T0X_GATEWAY_MAC_1, _2    our MACs on the T0 ports: t0xctl cloud show pc1 -o json | jq -r .mac
--   T0X_ADDRESS_1, _2        a host of each cloud (10.1.0.2, 10.2.0.2)
--   T0X_SIZES                64 to 1518 (64 128 256 512 1024 1280 1518)
--   T0X_LOSSES               percent (0 0.5)
--   T0X_SECONDS              of a trial (10)
--   T0X_RESOLUTION, T0X_CONFIRM   of the search (0.02, 2)
--   T0X_REPORT               a file for the results, one JSON object a line
--   T0X_PKTGEN               where search.lua is (.)
--
-- Pktgen's rate is percent of a line, which a port without hardware makes up: 10 Gbit/s for virtio.
-- Results count frames, which is what they are.

package.path = (os.getenv("T0X_PKTGEN") or ".") .. "/?.lua;" .. package.path
local search = require("search")

local PORTS = "0,1"
local SETTLE_MS = 2500 -- for what is still on its way, and for Pktgen, which counts once a second
local WARM_UP_MS = 1000

local function setting(name, default)
	local value = os.getenv(name)
	return value ~= nil and value ~= "" and value or default
end

local function needed(name)
	return setting(name) or error(name .. " is not set: see the head of rfc2544.lua", 0)
end

local function numbers(text)
	local list = {}
	for word in text:gmatch("%S+") do
		list[#list + 1] = tonumber(word) or error("not a number: " .. word, 0)
	end
	return list
end

local rfc2544 = {}

function rfc2544.settings()
	return {
		macs = { needed("T0X_GATEWAY_MAC_1"), needed("T0X_GATEWAY_MAC_2") },
		addresses = { setting("T0X_ADDRESS_1", "10.1.0.2"), setting("T0X_ADDRESS_2", "10.2.0.2") },
		sizes = numbers(setting("T0X_SIZES", "64 128 256 512 1024 1280 1518")),
		losses = numbers(setting("T0X_LOSSES", "0 0.5")),
		milliseconds = tonumber(setting("T0X_SECONDS", "10")) * 1000,
		resolution = tonumber(setting("T0X_RESOLUTION", "0.02")),
		confirmations = tonumber(setting("T0X_CONFIRM", "2")),
		report = needed("T0X_REPORT"),
	}
end

-- What each port sends. Pktgen counts a frame's size with its checksum, as RFC 2544 does.
function rfc2544.prepare(settings)
	pktgen.stop(PORTS)
	for port = 0, 1 do
		local name = tostring(port)
		pktgen.set(name, "count", 0) -- without end
		pktgen.set(name, "burst", 32)
		pktgen.set(name, "sport", 49152)
		pktgen.set(name, "dport", 9)
		pktgen.set_mac(name, "dst", settings.macs[port + 1])
		pktgen.set_ipaddr(name, "src", settings.addresses[port + 1] .. "/32")
		pktgen.set_ipaddr(name, "dst", settings.addresses[2 - port])
		pktgen.set_proto(name, "udp")
		pktgen.set_type(name, "ipv4")
	end
end

-- Frames that both ports have sent and received so far.
local function counted()
	local sent, received = 0, 0
	local stats = pktgen.portStats(PORTS, "port")
	for port = 0, 1 do
		sent = sent + stats[port].opackets
		received = received + stats[port].ipackets
	end
	return sent, received
end

-- One trial: the share of frames lost, and what was counted.
function rfc2544.trial(settings, percent)
	local sent_before, received_before = counted()
	pktgen.set(PORTS, "rate", percent)
	pktgen.start(PORTS)
	pktgen.delay(settings.milliseconds)
	pktgen.stop(PORTS)
	pktgen.delay(SETTLE_MS)
	local sent, received = counted()
	sent, received = sent - sent_before, received - received_before
	local measured = { sent = sent, received = received, seconds = settings.milliseconds / 1000 }
	-- Where nothing was sent nothing has been shown.
	if sent == 0 then
		return 1, measured
	end
	-- A port that is full is not sent to: a peer in another process that is slow makes Pktgen slow,
	-- and that is no loss. The rate told is what came back.
	return math.max(sent - received, 0) / sent, measured
end

local function line(size, percent_lost, found)
	local measured = found.measured or { sent = 0, received = 0, seconds = 1 }
	return string.format(
		'{"size":"%d","tolerance_percent":%g,"line_percent":%.4f,"rate":%.0f,"loss_percent":%.6f,"trials":%d}',
		size, percent_lost, found.rate, measured.received / measured.seconds, found.loss * 100, found.trials
	)
end

function rfc2544.run(settings)
	local report = assert(io.open(settings.report, "w"))
	rfc2544.prepare(settings)
	for _, size in ipairs(settings.sizes) do
		pktgen.set(PORTS, "size", size)
		for _, percent in ipairs(settings.losses) do
			local options = {
				tolerance = percent / 100,
				resolution = settings.resolution,
				confirmations = settings.confirmations,
			}
			local found = search.throughput(options, 100, function(rate)
				return rfc2544.trial(settings, rate)
			end)
			report:write(line(size, percent, found), "\n")
			report:flush()
		end
	end
	report:write('{"done":true}\n')
	report:close()
end

-- Under Pktgen, and not under the test, which calls the parts.
if pktgen and not T0X_TEST then
	local settings = rfc2544.settings()
	pktgen.delay(WARM_UP_MS)
	local fine, why = pcall(rfc2544.run, settings)
	if not fine then
		io.stderr:write("rfc2544.lua: ", tostring(why), "\n")
	end
	pktgen.quit()
end

return rfc2544
