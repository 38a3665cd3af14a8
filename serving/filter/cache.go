package filter

import (
	"container/list"
	"sync"
)

// Cache remembers compiled filters, the ones used last. It is safe for
// concurrent use.
type Cache struct {
	mu    sync.Mutex
	size  int
	order *list.List // of *cached, used last first
	byKey map[string]*list.Element
}

type cached struct {
	key    string
	filter *Filter
}

// NewCache returns a cache of at most size filters, at least one.
func NewCache(size int) *Cache {
	return &Cache{size: max(1, size), order: list.New(), byKey: make(map[string]*list.Element)}
}

// Compile returns the filter that Compile makes of the source, remembered if it
// was asked for before with fields of the same names and kinds. What cannot be
// compiled is not remembered.
func (c *Cache) Compile(source string, schema *Schema) (*Filter, error) {
	if len(source) > MaxSource {
		return Compile(source, schema)
	}
	key := schema.cacheKey(source)
	if f := c.get(key); f != nil {
		return f, nil
	}
	f, err := Compile(source, schema)
	if err == nil {
		c.put(key, f)
	}
	return f, err
}

func (c *Cache) get(key string) *Filter {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).filter
}

func (c *Cache) put(key string, f *Filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok { // two asked at once
		return
	}
	c.byKey[key] = c.order.PushFront(&cached{key, f})
	if c.order.Len() > c.size {
		oldest := c.order.Back()
		c.order.Remove(oldest)
		delete(c.byKey, oldest.Value.(*cached).key)
	}
}
