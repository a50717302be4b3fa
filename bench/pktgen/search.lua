-- SPDX-License-Identifier: BSD-3-Clause
-- Throughput (RFC 2544 26.1): the highest rate at which no more than a share of the frames is lost.
--
-- The same search as that of t0x-generator (bench/generator/search.h): halve the interval until it is
-- narrow enough, then the rate found must hold in further trials. One that does not is an upper bound
-- from then on, so that a machine that stumbles gives a lower rate, never one that did not hold.
--
-- Rates here are percent of the line, as Pktgen sets them.

local search = {}

-- The highest rate that held.
--
-- options  tolerance      share of frames that may be lost (0)
--          resolution     of the ceiling: how narrow is narrow enough (0.02)
--          confirmations  trials in which the rate found must hold again (2)
-- ceiling  the highest rate to try
-- trial    function(rate): the share of frames lost, 0 to 1, and whatever else it measured
-- returns  {rate, loss, trials, measured}; rate 0 when none held, down to the resolution. 'measured' is
--          of the last trial that held at that rate
function search.throughput(options, ceiling, trial)
	local tolerance = options.tolerance or 0
	local narrow = ceiling * (options.resolution or 0.02)
	local low, high, rate = 0, ceiling, ceiling
	local found = { rate = 0, loss = 0, trials = 0 }

	local function holds(at)
		local loss, measured = trial(at)
		found.trials = found.trials + 1
		if loss > tolerance then
			return false
		end
		found.loss = loss
		found.measured = measured
		return true
	end

	local function confirmed(at)
		local worst = found.loss
		for _ = 1, options.confirmations or 2 do
			if not holds(at) then
				return false
			end
			worst = math.max(worst, found.loss)
		end
		found.loss = worst
		return true
	end

	while true do
		if holds(rate) then
			low = rate
		else
			high = rate
		end
		while high - low <= narrow do
			if low == 0 then
				found.loss, found.measured = 0, nil
				return found
			end
			if confirmed(low) then
				found.rate = low
				return found
			end
			-- Nothing below has been tried lately: all of it is open again.
			low, high = 0, low
		end
		rate = (low + high) / 2
	end
end

return search
