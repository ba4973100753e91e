package sip

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// What of SIP's grammar (RFC 3261, 25) sipgo does not see to: header fields may go on over
// several lines and have white space before their colons; and a request that cannot be
// understood has to be told so, where whoever sent it may talk to us at all.

const (
	maxForwards = 255
	defaultPort = 5060
)

// parser is sipgo's own. Safe for concurrent use.
var parser = sip.NewParser()

// mend returns a message as the parser takes it, and parsed; or nil with the answer to a
// request that it will not take, or nil alone for what is not worth an answer. It keeps
// nothing of raw, and may return it as it is.
func mend(raw []byte) (m sip.Message, mended, answer []byte) {
	text := bytes.TrimLeft(raw, "\r\n")
	head, body, whole := bytes.Cut(text, []byte("\r\n\r\n"))
	if !whole {
		return nil, raw, nil // not a message; whether it keeps a NAT open is sipgo's business
	}
	if len(head) > maxHead {
		return nil, nil, nil
	}
	mended = text
	if isUneven(head) {
		mended = append(append(smooth(head), "\r\n\r\n"...), body...)
	}
	if m, err := parser.ParseSIP(mended); err == nil {
		if r, ok := m.(*sip.Request); !ok || r.SipVersion == "SIP/2.0" {
			return m, mended, nil
		}
	}
	return nil, nil, complaint(smooth(head))
}

// isUneven reports whether a message's head needs smoothing.
func isUneven(head []byte) bool {
	for _, rough := range []string{"\r\n ", "\r\n\t", " :", "\t:", " /", "/ "} {
		if bytes.Contains(head, []byte(rough)) {
			return true
		}
	}
	return false
}

// smooth unfolds header fields and takes white space away where it means nothing.
func smooth(head []byte) []byte {
	lines := strings.Split(string(head), "\r\n")
	var fields [][]string // each as the lines it goes on over
	for i, line := range lines {
		if i > 1 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			last := len(fields) - 1
			fields[last] = append(fields[last], strings.Trim(line, " \t"))
			continue
		}
		fields = append(fields, []string{line})
	}
	out := make([]string, len(fields))
	for i, parts := range fields {
		out[i] = parts[0]
		if len(parts) > 1 {
			parts[0] = strings.TrimRight(parts[0], " \t")
			out[i] = strings.Join(parts, " ")
		}
	}
	for i, line := range out[1:] {
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.TrimRight(name, " \t"), strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "via", "v":
			value = tight(value, "/;,=:")
		case "from", "f", "to", "t", "contact", "m":
			value = tight(value, ";=")
		}
		out[i+1] = name + ": " + value
	}
	return []byte(strings.Join(out, "\r\n"))
}

func isVia(name string) bool { return strings.EqualFold(name, "Via") || strings.EqualFold(name, "v") }

// tight takes away the white space around each of marks, unless it is quoted.
func tight(value, marks string) string {
	out := make([]byte, 0, len(value))
	quoted, escaped := false, false
	for i := range len(value) {
		c := value[i]
		blank := !quoted && (c == ' ' || c == '\t')
		if blank && len(out) > 0 && strings.IndexByte(marks, out[len(out)-1]) >= 0 {
			continue
		}
		if !quoted && strings.IndexByte(marks, c) >= 0 {
			out = bytes.TrimRight(out, " \t")
		}
		quoted = quoted != (c == '"' && !escaped)
		escaped = quoted && c == '\\' && !escaped
		out = append(out, c)
	}
	return string(out)
}

// complaint answers a request that is no SIP, nil where there is none to answer.
func complaint(head []byte) []byte {
	lines := strings.Split(string(head), "\r\n")
	method, _, _ := strings.Cut(lines[0], " ")
	if method == "" || method == "ACK" || strings.HasPrefix(lines[0], "SIP/") || !strings.Contains(lines[0], "SIP/") {
		return nil
	}
	var out strings.Builder
	out.WriteString("SIP/2.0 " + wrongIn(lines[0]) + "\r\n")
	found := make(map[string]bool)
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if long, ok := map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id"}[name]; ok {
			name = long
		}
		switch name {
		case "via":
		case "from", "to", "call-id", "cseq":
			if found[name] {
				continue
			}
		default:
			continue
		}
		found[name] = true
		out.WriteString(line + "\r\n")
	}
	if !found["via"] {
		return nil
	}
	return []byte(out.String() + "Content-Length: 0\r\n\r\n")
}

// wrongIn is the status for a request with a first line that the parser does not take, or
// that is not of our version of SIP.
func wrongIn(line string) string {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return "400 Bad Request"
	}
	if version := fields[2]; strings.HasPrefix(version, "SIP/") && version != "SIP/2.0" {
		return "505 Version Not Supported"
	}
	if scheme, _, ok := strings.Cut(fields[1], ":"); ok && isToken(scheme) && !isScheme(scheme) {
		return "416 Unsupported URI Scheme"
	}
	return "400 Bad Request"
}

// isToken reports whether text may be the scheme of a URI (RFC 3986, 3.1).
func isToken(text string) bool {
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" && text != ""
}

func isScheme(scheme string) bool {
	scheme = strings.ToLower(scheme)
	return scheme == "sip" || scheme == "sips" || scheme == "tel"
}

// replyTo is where an answer goes whose first Via is the request's: to where the request
// came from, at the port that it names unless it asks for its own (RFC 3261, 18.2.2; RFC
// 3581, 4).
func replyTo(answer []byte, from netip.AddrPort) netip.AddrPort {
	for line := range strings.SplitSeq(string(answer), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if !isVia(name) {
			continue
		}
		first, _, _ := strings.Cut(value, ",")
		by, parameters, _ := strings.Cut(first, ";")
		for p := range strings.SplitSeq(parameters, ";") {
			if key, _, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(key, "rport") {
				return from
			}
		}
		fields := strings.Fields(by)
		if len(fields) == 0 {
			return from
		}
		if _, text, err := net.SplitHostPort(fields[len(fields)-1]); err == nil {
			if port, err := strconv.ParseUint(text, 10, 16); err == nil && port > 0 {
				return netip.AddrPortFrom(from.Addr(), uint16(port))
			}
		}
		return netip.AddrPortFrom(from.Addr(), defaultPort)
	}
	return from
}

// once are the header fields that a request has one of.
var once = []string{"Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Length"}

// objection is the answer to a request that can be parsed, but not be followed; nil for
// all others.
func objection(r *sip.Request) *sip.Response {
	no := func(status int, reason string, headers ...string) *sip.Response {
		res := sip.NewResponseFromRequest(r, status, reason, nil)
		for i := 0; i < len(headers); i += 2 {
			res.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
		}
		return res
	}
	for _, name := range once {
		if len(r.GetHeaders(name)) > 1 {
			return no(400, "Multiple "+name)
		}
	}
	cseq := r.CSeq()
	switch {
	case r.From() == nil || r.To() == nil || r.CallID() == nil || cseq == nil:
		return no(400, "Missing Header Field")
	case !strings.EqualFold(string(cseq.MethodName), string(r.Method)):
		return no(400, "CSeq Names Another Method")
	case cseq.SeqNo >= 1<<31:
		return no(400, "CSeq Too Large")
	}
	if h := r.MaxForwards(); h != nil && *h > maxForwards {
		return no(400, "Max-Forwards Too Large")
	}
	if !isScheme(r.Recipient.Scheme) {
		return no(416, "Unsupported URI Scheme")
	}
	if len(r.Recipient.Headers) > 0 {
		return no(400, "Header Fields in Request-URI")
	}
	if missing := notSupported(r); missing != "" && r.Method != sip.CANCEL {
		return no(420, "Bad Extension", "Unsupported", missing)
	}
	if len(r.Body()) > 0 && (r.Method == sip.INVITE || r.Method == sip.UPDATE) && !isSDP(r) {
		return no(415, "Unsupported Media Type", "Accept", "application/sdp", "Accept-Encoding", "identity")
	}
	if r.Method == sip.INVITE && !acceptsSDP(r) {
		return no(406, "Not Acceptable")
	}
	return nil
}

// notSupported lists the extensions that a request requires and we do not have.
func notSupported(r *sip.Request) string {
	var missing []string
	for _, h := range r.GetHeaders("Require") {
		for option := range strings.SplitSeq(h.Value(), ",") {
			if option = strings.TrimSpace(option); option != "" && !strings.EqualFold(option, "timer") {
				missing = append(missing, option)
			}
		}
	}
	return strings.Join(missing, ", ")
}

func isSDP(r *sip.Request) bool {
	if h := r.GetHeader("Content-Encoding"); h != nil && !strings.EqualFold(strings.TrimSpace(h.Value()), "identity") {
		return false
	}
	h := r.ContentType()
	if h == nil {
		return true
	}
	kind, _, _ := strings.Cut(h.Value(), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/sdp")
}

// acceptsSDP: who does not say what they accept, accepts it.
func acceptsSDP(r *sip.Request) bool {
	accepted := r.GetHeaders("Accept")
	for _, h := range accepted {
		for kind := range strings.SplitSeq(h.Value(), ",") {
			kind, _, _ = strings.Cut(kind, ";")
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case "application/sdp", "application/*", "*/*":
				return true
			}
		}
	}
	return len(accepted) == 0
}
