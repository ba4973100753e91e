package session

import (
	"context"
	"time"

	"frontdesk/dialog"
)

// Journal gives the external tests, which can import the stores, access to journal.
type Journal = journal

var (
	NewJournal = newJournal
	Messages   = messages
)

// SetTiming makes the lease and its renewals faster than in production by factor.
func (j *Journal) SetTiming(factor time.Duration) {
	d := defaultTiming
	j.timing = leaseTiming{ttl: d.ttl / factor, renewal: d.renewal / factor, timeout: d.timeout / factor}
}

// Lease returns the lease under which the journal writes.
func (j *Journal) Lease() Lease { return j.currentLease() }

// Block stops all work of the journal, as when its process hangs, until unblock is called.
func (j *Journal) Block() (unblock func()) {
	j.mu.Lock()
	return j.mu.Unlock
}

// NeverRenewLeases makes the leases of d's calls so long that no call renews its lease on
// its own.
func (d *Desk) NeverRenewLeases() {
	d.timing.ttl, d.timing.renewal = 24*time.Hour, 12*time.Hour
}

// Timing of a lease in production.
var (
	LeaseRenewal = defaultTiming.renewal
	StoreTimeout = storeTimeout
)

// AnnounceCaller tells a person on a line about a caller of agent.
func AnnounceCaller(ctx context.Context, agent *dialog.Agent, person dialog.Line, r dialog.HandoverRequest) error {
	return (&Call{agent: agent}).announceCaller(ctx, person, r)
}
