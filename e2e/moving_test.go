package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"frontdesk/internal/valkeytest"
)

// fleet is two nodes with one store, behind one address that leads to the first.
func fleet(t *testing.T) (one, two *server, front *valkeytest.Relay) {
	store := valkeytest.Start(t)
	shared := env("FRONTDESK_STORE=valkey://"+store.Addr, "FRONTDESK_SECRET="+strings.Repeat("between us ", 4), "FRONTDESK_LIMITS_DRAIN=20s")
	one, two = start(t, shared), start(t, shared)
	return one, two, valkeytest.NewRelay(t, strings.TrimPrefix(one.url, "http://"))
}

// said is all that the agent said from the n-th entry on, as the page shows it.
func (p *tab) said(n int) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](fmt.Sprintf(
		`[...document.querySelectorAll(".entry.agent")].slice(%d).map(e => e.querySelector(".words").innerText).join(" ")`, n)))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Join(strings.Fields(text), " ")
}

func TestAPageGoesOnWithTheSentenceWhenItsNodeIsKilled(t *testing.T) {
	one, two, front := fleet(t)
	p := visit(t, "http://"+front.Addr, microphone(speech(t)))
	p.click("#call")
	p.phase("speaking")
	p.phase("listening") // the greeting was heard
	p.say("How long can I return an item?")
	p.shows(".entry.agent", "within 30 days of delivery") // of several sentences
	front.To(strings.TrimPrefix(two.url, "http://"))
	killed := time.Now()
	one.kill()
	p.until("another node goes on", `window.performance.now() >= 0 && document.body.dataset.phase === "speaking" && document.querySelectorAll(".entry.agent").length >= 3`)
	t.Logf("the agent spoke again %v after its node was killed", time.Since(killed).Round(10*time.Millisecond))
	p.listen()
	p.phase("listening")
	p.until("the rest is audible", `window.loud > 500`)
	p.shot("moved")
	p.wholeAnswer()
	p.say("Do you ship to Canada?")
	p.shows(".entry.agent", "Canada")
}

// wholeAnswer checks that an answer that two nodes gave is said once, to the word.
func (p *tab) wholeAnswer() {
	p.t.Helper()
	const answer = "You can return any item within 30 days of delivery. Members of Willow Plus can return any item within 60 days of delivery."
	if said := p.said(1); !strings.HasPrefix(said, answer) || strings.Count(said, "Members") != 1 {
		p.t.Errorf("the page shows %q", said)
	}
}

func TestACallMovesBetweenSentencesWhenItsNodeStops(t *testing.T) {
	one, two, front := fleet(t)
	p := visit(t, "http://"+front.Addr, microphone(speech(t)))
	p.click("#call")
	p.phase("speaking")
	p.phase("listening")
	p.do(chromedp.Evaluate[chromedp.Void](`window.phases = [];
		new MutationObserver(() => window.phases.push(document.body.dataset.phase)).observe(document.body, {attributeFilter: ["data-phase"]})`))
	p.say("How long can I return an item?")
	p.shows(".entry.agent", "within 30 days")
	front.To(strings.TrimPrefix(two.url, "http://"))
	if err := one.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	one.ended(t)
	p.shows(".entry.agent", "within 60 days")
	p.phase("listening")
	p.wholeAnswer()
	p.say("Do you ship to Canada?")
	p.shows(".entry.agent", "Canada")
	p.until("nothing was to be noticed",
		`!window.phases.includes("reconnecting") && ![...document.querySelectorAll(".mark")].some(e => e.innerText)`)
}
