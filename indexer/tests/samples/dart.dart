import 'dart:math';

const limit = 100;

/// Something with a total.
abstract class Total {
  int get total;
}

/// Visits by page.
class Counter extends Base implements Total {
  final Map<String, int> visits = {};

  Counter(this.name);

  Counter.empty() : name = '';

  /// Records one visit.
  int record(String page) {
    visits[page] = (visits[page] ?? 0) + 1;
    return clamp(visits[page]!);
  }

  @override
  int get total => visits.values.reduce((a, b) => a + b);
}

enum Mode { day, night }

int clamp(int visits) => min(visits, limit);

extension Clear on Counter {
  void clear() => visits.clear();
}
