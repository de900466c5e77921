package gateway

import "sync"

// door counts the requests that run. Once it is closed it lets no more in.
type door struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when the door is closed and nobody is inside
}

func newDoor() *door { return &door{empty: make(chan struct{})} }

// enter tells whether one more may come in, who must leave then.
func (d *door) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.inside++
	return true
}

// leave is for each that has entered, once.
func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inside--; d.closed && d.inside == 0 {
		close(d.empty)
	}
}

// close may be called more than once; what it returns is closed when all have left.
func (d *door) close() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		if d.inside == 0 {
			close(d.empty)
		}
	}
	return d.empty
}
