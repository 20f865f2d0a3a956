#include <map>

namespace visits {

/// Visits by page.
template <typename Page>
class API_EXPORT Counter : public Base {
 public:
  explicit Counter(int limit) : limit_(limit) {}

  /// Records one visit.
  int record(const Page& page) const NO_LOCKS_;

  bool operator==(const Counter& other) const { return visits_ == other.visits_; }

 private:
  std::map<Page, int> visits_;
  int limit_;
};

template <typename Page>
int Counter<Page>::record(const Page& page) const {
  return std::min(++visits_[page], limit_);
}

enum class Mode { kDay, kNight };

using Pages = Counter<std::string>;

}  // namespace visits
