package ear

import "testing"

// voice adds frames at a level in dB and returns whether the voice is distant at the end.
func (d *distance) voice(db float64, frames int) bool {
	for range frames {
		d.add(below(1e6, -db))
	}
	return d.isDistant
}

func TestDistanceFollowsTheLevelOfTheCallersTurns(t *testing.T) {
	var d distance
	turn := func(db float64, isOverAgent bool) (early, late bool) {
		d.begin()
		early = d.voice(db, 5)
		late = d.voice(db, 40)
		d.end(isOverAgent)
		return early, late
	}
	for _, tt := range []struct {
		name        string
		db          float64
		isOverAgent bool
		early, late bool
	}{
		{"the first turn", 0, false, false, false},
		{"a softer turn of the caller", -5, false, false, false},
		{"a television over the agent", -14, true, true, true},
		{"the television is not learned", -14, true, true, true},
		{"the caller whispers while the agent is silent", -15, false, true, true},
		{"a whisper is known then", -15, true, false, false},
		{"the caller speaks aloud again", 0, false, false, false},
		{"and again", 0, false, false, false},
		{"the television again", -14, true, true, true},
	} {
		if early, late := turn(tt.db, tt.isOverAgent); early != tt.early || late != tt.late {
			t.Errorf("%s: distant %v at first and %v later, want %v and %v", tt.name, early, late, tt.early, tt.late)
		}
	}
}

func TestCallerIsHeardOverATelevision(t *testing.T) {
	var d distance
	d.begin()
	d.voice(0, 50)
	d.end(false)
	d.begin()
	if !d.voice(-12, 100) {
		t.Fatal("the television is taken for the caller")
	}
	if d.voice(0, 10) {
		t.Error("the caller is taken for the television after 200 ms")
	}
	if d.voice(0, 40) {
		t.Error("the caller is taken for the television after a second")
	}
}
