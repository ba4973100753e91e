package app

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// newLog returns a log that writes JSON, or plain lines if w is a terminal.
func newLog(level string, w io.Writer) (*zap.Logger, error) {
	at, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, misuse{err}
	}
	var encoder zapcore.Encoder
	if e := zap.NewProductionEncoderConfig(); isTerminal(w) {
		e.EncodeTime, e.EncodeLevel = zapcore.TimeEncoderOfLayout("15:04:05"), zapcore.CapitalLevelEncoder
		e.EncodeDuration, e.ConsoleSeparator = zapcore.StringDurationEncoder, "  "
		encoder = zapcore.NewConsoleEncoder(e)
	} else {
		e.TimeKey, e.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
		encoder = zapcore.NewJSONEncoder(e)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), at)), nil
}

// announcer tells a person at the terminal what the server is doing. A nil announcer
// prints nothing: without a terminal, the log says it as JSON.
type announcer struct{ w io.Writer }

func newAnnouncer(w io.Writer) *announcer {
	if !isTerminal(w) {
		return nil
	}
	return &announcer{w: w}
}

func (a *announcer) printf(format string, args ...any) {
	if a != nil {
		fmt.Fprintf(a.w, format+"\n", args...)
	}
}

// ready says where the default agent answers, and with what.
func (a *announcer) ready(url string, agents *agentSet, telephones []string) {
	all := agents.All()
	a.printf("\n%s answers at %s", all[0].Title, url)
	d := agents.descriptions[all[0].Name]
	a.printf("  ears       %s", d.ears)
	a.printf("  voice      %s", d.voice)
	a.printf("  model      %s", d.model)
	a.printf("  knowledge  %s", count(d.pages, "page"))
	if len(telephones) > 0 {
		a.printf("  telephone  %s", strings.Join(telephones, ", "))
	}
	if others := len(all) - 1; others > 0 {
		a.printf("  and %s", count(others, "other agent"))
	}
	a.printf("Press Ctrl+C to stop.\n")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
