package conversation

import (
	"reflect"

	"frontdesk/dialog"
)

// setOverview replaces the overview of the session after a turn; changed are the issues of it
// that were opened or have another state.
func (c *conversation) setOverview(turn int, o dialog.Overview, changed []dialog.Issue) {
	if reflect.DeepEqual(o, c.recall.overview) {
		return
	}
	c.recall.overview, c.recall.isNewOverview = o, true
	c.emit(dialog.Event{Kind: dialog.OverviewChanged, Turn: turn, Overview: &o, Issues: changed})
}
