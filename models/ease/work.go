package ease

import "sync"

// meter adds up finished operations and reports them in thousandths of the whole.
type meter struct {
	mu          sync.Mutex
	done, total float64
	told        int
	report      func(done, total int)
}

func (m *meter) add(operations float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += operations
	if now := min(int(1000*m.done/m.total), 1000); m.report != nil && now > m.told {
		m.told = now
		m.report(now, 1000)
	}
}
