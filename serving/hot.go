package serving

import (
	"sync"
	"sync/atomic"
)

// hot is what every candidate of every list is asked, a bit an item: it stays in the
// processor's caches where the catalogue does not.
type hot struct {
	stock []uint64 // in stock by the snapshot
	told  []uint64 // something was told of it, whatever; read and written atomically

	heard   atomic.Int64 // how many of those told are in told
	hearing sync.Mutex   // of writers of told and heard
}

// warm takes in which items the snapshot has in stock.
func (v *view) warm() {
	words := (v.snap.Items() + 63) / 64
	v.hot.stock, v.hot.told = make([]uint64, words), make([]uint64, words)
	for i := range int32(v.snap.Items()) {
		if v.snap.ItemAt(i).InStock {
			v.hot.stock[i/64] |= 1 << (i % 64)
		}
	}
}

// listen takes in of which items something was told since it was last called. Every
// list begins with it, so that it holds all that was told before; mostly there is
// nothing new, which costs two loads.
func (v *view) listen(live Live) {
	if live == nil || len(live.Told(int(v.hot.heard.Load()))) == 0 {
		return
	}
	v.hot.hearing.Lock()
	defer v.hot.hearing.Unlock()
	from := v.hot.heard.Load()
	ids := live.Told(int(from))
	for _, id := range ids {
		if i, ok := v.snap.LookupItem(id); ok {
			atomic.OrUint64(&v.hot.told[i/64], 1<<(i%64))
		}
	}
	v.hot.heard.Store(from + int64(len(ids)))
}

// stocked reports whether the snapshot has an item in stock.
func (v *view) stocked(i int32) bool { return v.hot.stock[i/64]&(1<<(i%64)) != 0 }

// wasTold reports whether something was told of an item.
func (v *view) wasTold(i int32) bool { return atomic.LoadUint64(&v.hot.told[i/64])&(1<<(i%64)) != 0 }
