-- SPDX-License-Identifier: BSD-3-Clause
-- The search, and the script that Pktgen runs, against a simulated Pktgen: lua5.3 pktgen_test.lua DIRECTORY
local directory = arg[1]
package.path = directory .. "/?.lua;" .. package.path

-- Pktgen, and behind it a device that forwards up to a rate, of which 'noise' may take a part.
local device = { capacity = 100, noise = function() return 1 end }
local calls = {}
local state = { rate = 100, running = false, sent = 0, received = 0, size = 64 }

pktgen = {}
setmetatable(pktgen, { __index = function(_, name) error("Pktgen has no " .. name) end })
local function stub(name, does)
	pktgen[name] = function(...)
		calls[#calls + 1] = table.concat({ name, ... }, " ")
		return does and does(...)
	end
end
stub("set", function(_, what, value)
	if what == "rate" then
		assert(value > 0 and value <= 100, "no such rate")
		state.rate = value
	elseif what == "size" then
		state.size = value
	end
end)
for _, name in ipairs({ "set_mac", "set_ipaddr", "set_proto", "set_type", "quit" }) do
	stub(name)
end
stub("start", function() state.running = true end)
stub("stop", function() state.running = false end)
stub("delay", function(ms)
	if state.running then
		local line = 1e6 * 64 / state.size -- frames a second
		local sent = math.floor(line * state.rate / 100 * ms / 1000)
		local most = math.floor(line * device.capacity / 100 * device.noise() * ms / 1000)
		state.sent = state.sent + sent
		state.received = state.received + math.min(sent, most)
	end
end)
stub("portStats", function()
	assert(not state.running, "counters of a trial that still runs")
	local half = { opackets = state.sent / 2, ipackets = state.received / 2 }
	return { [0] = half, [1] = half }
end)

T0X_TEST = true
local search = require("search")
local rfc2544 = require("rfc2544")

local failed = 0
local function promise(name, does)
	local fine, why = pcall(does)
	if not fine then
		failed = failed + 1
		print("FAIL " .. name .. ": " .. tostring(why))
	else
		print("PASS " .. name)
	end
end
local function near(expected, actual, within)
	assert(math.abs(actual - expected) <= within, ("expected %g, got %g"):format(expected, actual))
end
-- A device in one function: what is lost at a rate.
local function loses_above(capacity)
	return function(rate) return math.max(0, 1 - capacity / rate) end
end

promise("the_search_finds_the_rate_of_a_device", function()
	for _, capacity in ipairs({ 3, 12.5, 37, 50, 63.1, 99 }) do
		local found = search.throughput({ resolution = 0.01 }, 100, loses_above(capacity))
		assert(found.rate <= capacity, "a rate that does not hold")
		near(capacity, found.rate, 1)
		assert(found.loss == 0 and found.trials < 20)
	end
end)

promise("a_device_without_limit_gets_the_ceiling", function()
	local found = search.throughput({}, 100, function() return 0 end)
	assert(found.rate == 100 and found.trials == 3)
end)

promise("loss_that_is_allowed_is_not_loss", function()
	local none = search.throughput({ resolution = 0.001 }, 100, loses_above(40))
	local some = search.throughput({ resolution = 0.001, tolerance = 0.005 }, 100, loses_above(40))
	assert(some.rate > none.rate)
	near(40 / 0.995, some.rate, 0.2)
	assert(some.loss > 0 and some.loss <= 0.005)
end)

promise("a_device_that_always_loses_has_no_rate", function()
	local found = search.throughput({ resolution = 0.02 }, 100, function() return 0.01 end)
	assert(found.rate == 0 and found.loss == 0 and found.measured == nil and found.trials < 12)
end)

promise("a_noisy_device_gets_a_rate_that_held_and_the_search_an_end", function()
	math.randomseed(1)
	for _ = 1, 200 do
		local held = {}
		local found = search.throughput({ resolution = 0.02, confirmations = 3 }, 100, function(rate)
			local loss = math.random() < 0.2 and 0.1 or loses_above(60)(rate)
			held[rate] = loss == 0 and (held[rate] or 0) + 1 or 0
			return loss
		end)
		assert(found.trials < 200, "no end")
		assert(found.rate <= 60)
		assert(found.rate == 0 or held[found.rate] >= 3, "a rate that did not hold three times in a row")
	end
end)

promise("a_rate_that_does_not_hold_again_is_not_the_answer", function()
	local tries = 0
	local found = search.throughput({ resolution = 0.02, confirmations = 2 }, 100, function(rate)
		tries = tries + 1
		return (rate > 50 and tries > 1) and 0.01 or 0 -- holds the first time only
	end)
	assert(found.rate <= 50 and found.rate > 45, found.rate)
end)

local function settings()
	return {
		macs = { "02:00:00:00:00:01", "02:00:00:00:00:02" },
		addresses = { "10.1.0.2", "10.2.0.2" },
		sizes = { 64, 1518 },
		losses = { 0, 0.5 },
		milliseconds = 1000,
		resolution = 0.01,
		confirmations = 2,
		report = os.tmpname(),
	}
end
local function told(asked)
	local lines = {}
	rfc2544.run(asked)
	for text in io.lines(asked.report) do
		lines[#lines + 1] = text
	end
	os.remove(asked.report)
	return lines
end

promise("each_size_and_loss_is_told_and_then_the_end", function()
	device = { capacity = 42, noise = function() return 1 end }
	local lines = told(settings())
	assert(#lines == 5 and lines[5] == '{"done":true}', table.concat(lines, "\n"))
	for i, wanted in ipairs({ { 64, 0, 1e6 }, { 64, 0.5, 1e6 }, { 1518, 0, 1e6 * 64 / 1518 }, { 1518, 0.5, 1e6 * 64 / 1518 } }) do
		local size, loss, percent, rate = lines[i]:match('"size":"(%d+)","tolerance_percent":([%d.]+),"line_percent":([%d.]+),"rate":(%d+)')
		assert(tonumber(size) == wanted[1] and tonumber(loss) == wanted[2], lines[i])
		near(42, tonumber(percent), 1.3)
		near(wanted[3] * 0.42, tonumber(rate), wanted[3] * 0.013)
	end
end)

promise("each_port_sends_from_its_cloud_to_the_other_by_the_gateway", function()
	calls = {}
	rfc2544.prepare(settings())
	local said = table.concat(calls, "\n")
	for _, wanted in ipairs({
		"set_mac 0 dst 02:00:00:00:00:01", "set_mac 1 dst 02:00:00:00:00:02",
		"set_ipaddr 0 src 10.1.0.2/32", "set_ipaddr 0 dst 10.2.0.2",
		"set_ipaddr 1 src 10.2.0.2/32", "set_ipaddr 1 dst 10.1.0.2",
	}) do
		assert(said:find(wanted, 1, true), "not said: " .. wanted)
	end
end)

promise("nothing_sent_is_all_lost", function()
	local asked = settings()
	asked.milliseconds = 0
	assert(rfc2544.trial(asked, 100) == 1)
end)

promise("what_is_needed_is_asked_for", function()
	local fine, why = pcall(rfc2544.settings)
	assert(not fine and why:find("T0X_GATEWAY_MAC_1 is not set", 1, true), why)
end)

os.exit(failed == 0)
