import Foundation

let limit = 100

/// Something with a total.
protocol Total {
    var total: Int { get }
    func reset()
}

/// Visits by page.
public struct Counter: Total {
    private var visits: [String: Int] = [:]

    public init(pages: [String]) {
        for page in pages { visits[page] = 0 }
    }

    /// Records one visit.
    public mutating func record(_ page: String) -> Int {
        visits[page, default: 0] += 1
        return min(visits[page]!, limit)
    }

    public var total: Int {
        visits.values.reduce(0, +)
    }
}

extension Counter {
    func clear() { visits.removeAll() }
}

enum Mode: String {
    case day, night
}

typealias Visits = [String: Int]
