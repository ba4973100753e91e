package app

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
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
	var encoder zapcore.Encoder = lineEncoder{zapcore.NewMapObjectEncoder()}
	if !isTerminal(w) {
		e := zap.NewProductionEncoderConfig()
		e.TimeKey, e.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
		encoder = zapcore.NewJSONEncoder(e)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), at)), nil
}

// lineEncoder encodes a log entry as a line for people: time, level, message and error,
// and then the other fields that are not empty.
type lineEncoder struct{ *zapcore.MapObjectEncoder }

var lineBuffers = buffer.NewPool()

// Clone implements zapcore.Encoder.
func (e lineEncoder) Clone() zapcore.Encoder {
	clone := zapcore.NewMapObjectEncoder()
	maps.Copy(clone.Fields, e.Fields)
	return lineEncoder{clone}
}

// EncodeEntry implements zapcore.Encoder.
func (e lineEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	all := e.Clone().(lineEncoder).MapObjectEncoder
	for _, f := range fields {
		f.AddTo(all)
	}
	line := lineBuffers.Get()
	fmt.Fprintf(line, "%s %-5s %s", entry.Time.Format(time.TimeOnly), entry.Level.CapitalString(), entry.Message)
	if err, ok := all.Fields["error"]; ok && err != "" {
		fmt.Fprintf(line, ": %v", err)
	}
	for _, key := range slices.Sorted(maps.Keys(all.Fields)) {
		if value := all.Fields[key]; key != "error" && value != "" {
			fmt.Fprintf(line, "  %s=%s", key, formatValue(value))
		}
	}
	line.AppendByte('\n')
	return line, nil
}

// formatValue shortens durations, which people read in milliseconds, and spells out structs.
func formatValue(value any) string {
	switch v := value.(type) {
	case time.Duration:
		return v.Round(time.Millisecond).String()
	case error, fmt.Stringer:
		return fmt.Sprint(v)
	}
	switch reflect.Indirect(reflect.ValueOf(value)).Kind() {
	case reflect.Struct, reflect.Map:
		if b, err := json.Marshal(value); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(value)
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
	a.printf("  recognizer  %s", d.recognizer)
	a.printf("  voice       %s", d.voice)
	a.printf("  model       %s", d.model)
	a.printf("  knowledge   %s", count(d.pages, "page"))
	if len(telephones) > 0 {
		a.printf("  telephone   %s", strings.Join(telephones, ", "))
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
