package app

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"frontdesk/dialog"
)

func TestAnnouncerSaysWhereTheAgentAnswersAndWithWhat(t *testing.T) {
	agents := &agentSet{
		byName:       map[string]*dialog.Agent{"demo": {Name: "demo", Title: "Willow Lane"}, "shop": {Name: "shop"}},
		defaultName:  "demo",
		descriptions: map[string]description{"demo": {recognizer: "pocketsphinx", voice: "flite (slt)", model: "the built-in clerk", pages: 23}},
	}
	var out strings.Builder
	a := &announcer{w: &out}
	a.printf("Preparing the agent %s", "Willow Lane")
	a.ready("http://localhost:8080", agents, []string{"udp://:5060"})
	const want = `Preparing the agent Willow Lane

Willow Lane answers at http://localhost:8080
  recognizer  pocketsphinx
  voice       flite (slt)
  model       the built-in clerk
  knowledge   23 pages
  telephone   udp://:5060
  and 1 other agent
Press Ctrl+C to stop.

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	(*announcer)(nil).printf("a server without a terminal prints nothing")
	if newAnnouncer(&out) != nil {
		t.Error("a strings.Builder counts as a terminal")
	}
}

func TestTerminalLogIsPlain(t *testing.T) {
	var out strings.Builder
	core := zapcore.NewCore(lineEncoder{zapcore.NewMapObjectEncoder()}, zapcore.AddSync(&out), zapcore.InfoLevel)
	log := zap.New(core).With(zap.String("call", "rtc_1"))
	log.Error("page omitted", zap.Error(errors.New(`unknown key "x"`)), zap.Int("tools", 2), zap.String("why", ""), zap.Duration("lasted", 25037807792))
	log.Info("call ended", zap.Any("quality", &struct {
		MOS float64 `json:"mos"`
	}{4.4}))
	first, second, _ := strings.Cut(out.String(), "\n")
	if !strings.HasSuffix(first, ` ERROR page omitted: unknown key "x"  call=rtc_1  lasted=25.038s  tools=2`) || !strings.HasSuffix(second, " INFO  call ended  call=rtc_1  quality={\"mos\":4.4}\n") {
		t.Errorf("got\n%s", out.String())
	}
}
