local M = {}

local limit = 100

--- Never more than the limit.
local function clamp(visits)
  return math.min(visits, limit)
end

--- Records one visit.
function M.record(self, page)
  self.visits[page] = clamp((self.visits[page] or 0) + 1)
end

function M:total()
  return #self.visits
end

M.open = function(path)
  return io.open(path)
end

return M
