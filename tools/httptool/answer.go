package httptool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/fault"
	"frontdesk/internal/jsonpointer"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const (
	maxMessage = 200 // bytes of an endpoint's own error message
	maxSpoken  = 80  // bytes of a value in a spoken sentence
	maxRetry   = time.Hour
)

// badAnswer is the error of an endpoint that answered something else than the tool needs.
type badAnswer struct{ fault *fault.Error }

func (e *badAnswer) Error() string { return e.fault.Error() }
func (e *badAnswer) Unwrap() error { return e.fault }

// bad returns an error that says in the log what is wrong with the answer, without showing it.
func (t *Tool) bad(format string, args ...any) error {
	return &badAnswer{fault.Wrap(fmt.Errorf(format, args...), fault.BadAnswer,
		"the service behind %s gave an answer that cannot be used", t.config.Name)}
}

// read makes a result of an answer.
func (t *Tool) read(call tools.Call, a answer) (tools.Result, error) {
	if a.status/100 != 2 {
		return t.failed(call, a)
	}
	if len(bytes.TrimSpace(a.body)) == 0 && t.config.Method != http.MethodGet && len(t.result) == 0 {
		return tools.Result{CallID: call.ID, Output: json.RawMessage(`{"done":true}`)}, nil
	}
	value, err := t.decode(a)
	if err != nil {
		return tools.Result{}, err
	}
	result, ok := t.result.Find(value)
	if !ok {
		return tools.Result{}, t.bad("it has nothing at %s", t.config.Result)
	}
	if text, ok := t.say.fill(value); ok {
		result = map[string]any{"say": text, "result": result}
	}
	out, err := json.Marshal(result)
	if err != nil {
		return tools.Result{}, err
	}
	return tools.Result{CallID: call.ID, Output: out}, nil
}

// decode checks the type of an answer and returns its value: JSON, or {"text"} for plain text.
func (t *Tool) decode(a answer) (any, error) {
	kind, parameters, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		return nil, t.bad("it does not say its type")
	}
	charset := strings.ToLower(parameters["charset"])
	isText := charset == "" || charset == "utf-8" || charset == "us-ascii"
	switch encoding := a.header.Get("Content-Encoding"); {
	case encoding != "" && encoding != "identity":
		return nil, t.bad("it is compressed, which was not asked for")
	case !isText || !utf8.Valid(a.body) || bytes.IndexByte(a.body, 0) >= 0:
		return nil, t.bad("it is not text in UTF-8")
	case len(bytes.TrimSpace(a.body)) == 0:
		return nil, t.bad("it is empty")
	case kind == "text/plain":
		return map[string]any{"text": words.Printable(string(a.body))}, nil
	case kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		return nil, t.bad("its type is neither JSON nor plain text")
	}
	value, err := decodeJSON(a.body)
	if err != nil {
		return nil, t.bad("it is not JSON")
	}
	return value, nil
}

// decodeJSON decodes exactly one value. Numbers keep their digits.
func decodeJSON(text []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return value, nil
}

// failed makes a result of an answer with an error's status. A short message in it is data.
func (t *Tool) failed(call tools.Call, a answer) (tools.Result, error) {
	err := t.statusError(a)
	result := tools.Failed(call, err)
	result.IsWrong = err.Code == fault.NotFound && len(t.spec.Rule.Identify) > 0
	said := ""
	if a.status/100 == 4 {
		said = t.ownMessage(a)
	}
	if said == "" {
		return result, nil
	}
	out, marshalErr := json.Marshal(map[string]any{
		"error": map[string]any{"code": err.Code, "message": err.Message},
		"data":  map[string]any{"status": a.status, "message": said},
	})
	if marshalErr == nil {
		result.Output = out
	}
	return result, nil
}

// statusError returns the error for a status that is not a success.
func (t *Tool) statusError(a answer) *fault.Error {
	cause := fmt.Errorf("status %d", a.status)
	retry, hasRetry := retryAfter(a.header.Get("Retry-After"))
	switch {
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		return fault.Wrap(cause, fault.NotFound, "the service behind %s has nothing under this", t.config.Name)
	case a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable && hasRetry:
		return fault.Wrap(cause, fault.Limited, "the service behind %s is busy; try again later", t.config.Name).Retryable(retry)
	case a.status == http.StatusConflict:
		return fault.Wrap(cause, fault.Conflict, "the service behind %s says that this contradicts what is there", t.config.Name)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return fault.Wrap(cause, fault.Forbidden, "the service behind %s does not allow this", t.config.Name)
	case a.status/100 == 4:
		return fault.Wrap(cause, fault.Invalid, "the service behind %s does not accept these values", t.config.Name)
	case a.status/100 == 5:
		return fault.Wrap(cause, fault.Unavailable, "the service behind %s has a failure; try again later", t.config.Name).Retryable(retry)
	}
	return t.bad("its status is %d", a.status).(*badAnswer).fault
}

// retryAfter reads the header Retry-After: seconds or a date.
func retryAfter(header string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(seconds, 1), int(maxRetry/time.Second))) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(time.Until(at), time.Second), maxRetry), true
	}
	return 0, false
}

// ownMessage returns the message of an endpoint's error (RFC 9457 or usual), "" if it has no
// short one.
func (t *Tool) ownMessage(a answer) string {
	value, err := t.decode(a)
	if err != nil {
		return ""
	}
	for _, place := range []jsonpointer.Pointer{{"message"}, {"detail"}, {"error", "message"}, {"error"}, {"title"}} {
		found, _ := place.Find(value)
		if s, ok := found.(string); ok && s != "" && len(s) <= maxMessage {
			return words.Printable(s)
		}
	}
	return ""
}

// sentence is a text with places for fields of an answer.
type sentence struct {
	text   string
	fields map[string]jsonpointer.Pointer // by what stands in braces
}

var braces = regexp.MustCompile(`\{([^{}]*)\}`)

func parseSentence(text string) (sentence, error) {
	s := sentence{text: strings.TrimSpace(text), fields: make(map[string]jsonpointer.Pointer)}
	if strings.ContainsAny(braces.ReplaceAllString(s.text, ""), "{}") {
		return s, errors.New("has a brace without its partner")
	}
	for _, m := range braces.FindAllStringSubmatch(s.text, -1) {
		p := jsonpointer.Pointer{m[1]}
		var err error
		if strings.HasPrefix(m[1], "/") {
			p, err = jsonpointer.Parse(m[1])
		}
		if err != nil || m[1] == "" {
			return s, fmt.Errorf("{%s} is neither the name of a field nor a JSON Pointer", m[1])
		}
		s.fields[m[1]] = p
	}
	return s, nil
}

// fill returns the sentence with the fields of an answer. It returns false if there is no
// sentence, a field is missing, or a value is not short and on one line: a long text is not
// the value of a field, and whoever wrote it could make the agent say anything.
func (s sentence) fill(value any) (string, bool) {
	if s.text == "" {
		return "", false
	}
	isFilled := true
	out := braces.ReplaceAllStringFunc(s.text, func(found string) string {
		field, ok := s.fields[found[1:len(found)-1]].Find(value)
		switch field.(type) {
		case string, json.Number, bool:
		default:
			ok = false
		}
		text := text(field)
		if !ok || text == "" || len(text) > maxSpoken || strings.ContainsFunc(text, unicode.IsControl) || text != words.Printable(text) {
			isFilled = false
		}
		return text
	})
	return out, isFilled
}
