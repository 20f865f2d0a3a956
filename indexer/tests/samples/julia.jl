module Visits

using Base: min

const LIMIT = 100

"Visits by page."
struct Counter <: Total
    visits::Dict{String,Int}
end

"""
Records one visit.
"""
function record!(counter::Counter, page)
    counter.visits[page] = clamp_visits(get(counter.visits, page, 0) + 1)
end

clamp_visits(visits) = min(visits, LIMIT)

macro visit(page)
    :(record!(counter, $page))
end

end
