package session

import "sync"

// keyedMutex is one mutex for each key. The zero value is ready to use.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*sharedLock
}

type sharedLock struct {
	mu    sync.Mutex
	users int // that hold it or wait for it
}

// lock locks the mutex of key. The caller must call unlock.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = make(map[string]*sharedLock)
	}
	l := k.locks[key]
	if l == nil {
		l = &sharedLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
}
