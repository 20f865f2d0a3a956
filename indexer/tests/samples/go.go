// Package visits counts visits.
package visits

import "sync"

const (
	// Limit is the most that is remembered.
	Limit = 100
	first = 1
)

// Counter holds visits by page.
type Counter struct {
	mu     sync.Mutex
	visits map[string]int
}

type Total interface {
	Total() int
}

// Record records one visit.
func (c *Counter) Record(page string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.visits[page]++
	return clamp(c.visits[page])
}

func clamp(visits int) int {
	return min(visits, Limit)
}

func TestClamp(t *testing.T) {
	if clamp(200) != Limit {
		t.Fatal("not clamped")
	}
}
