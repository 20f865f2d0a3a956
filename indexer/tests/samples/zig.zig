//! Counts visits.
const std = @import("std");

const limit: usize = 100;

/// Visits by page.
pub const Counter = struct {
    visits: std.StringHashMap(usize),

    /// Records one visit.
    pub fn record(self: *Counter, page: []const u8) !usize {
        const entry = try self.visits.getOrPutValue(page, 0);
        entry.value_ptr.* += 1;
        return clamp(entry.value_ptr.*);
    }
};

fn clamp(visits: usize) usize {
    return @min(visits, limit);
}

test "clamps" {
    try std.testing.expectEqual(limit, clamp(200));
}
