package media

import "testing"

func TestBrokenTelephoneEventsAreNoKeys(t *testing.T) {
	k := NewKeys()
	for _, payload := range [][]byte{nil, {1}, {1, 0, 0}, {200, 0, 0, 0}} {
		k.Take(0, payload)
	}
	for i := range 3 * keyQueue { // nobody reads
		k.Take(uint32(i), []byte{5, 0, 0, 0})
	}
	if len(k.Pressed) != keyQueue {
		t.Errorf("%d keys", len(k.Pressed))
	}
}
