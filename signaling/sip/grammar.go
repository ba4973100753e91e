package sip

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// This file covers what sipgo's parser leaves out of SIP's grammar (RFC 3261, 25): headers
// folded over several lines, white space before colons, and error responses to requests
// that cannot be parsed.

const maxForwards = 255

// parser is sipgo's parser. It is safe for concurrent use.
var parser = sip.NewParser()

// normalize parses a message. It returns the message, and its text in the form that sipgo's
// parser accepts. If a request cannot be parsed, it returns only an error response; if no
// response is due, it returns nothing. normalized may share memory with raw.
func normalize(raw []byte) (m sip.Message, normalized, errorResponse []byte) {
	text := bytes.TrimLeft(raw, "\r\n")
	head, body, isComplete := bytes.Cut(text, []byte("\r\n\r\n"))
	if !isComplete {
		return nil, raw, nil // perhaps a keep-alive, which sipgo handles
	}
	if len(head) > maxHead {
		return nil, nil, nil
	}
	normalized = text
	if needsUnfolding(head) {
		normalized = append(append(unfold(head), "\r\n\r\n"...), body...)
	}
	if m, err := parser.ParseSIP(normalized); err == nil {
		if r, ok := m.(*sip.Request); !ok || r.SipVersion == "SIP/2.0" {
			return m, normalized, nil
		}
	}
	return nil, nil, badRequest(unfold(head))
}

// needsUnfolding reports whether a message's head has folded headers or optional white
// space.
func needsUnfolding(head []byte) bool {
	for _, s := range []string{"\r\n ", "\r\n\t", " :", "\t:", " /", "/ "} {
		if bytes.Contains(head, []byte(s)) {
			return true
		}
	}
	return false
}

// unfold joins folded headers and removes optional white space.
func unfold(head []byte) []byte {
	lines := strings.Split(string(head), "\r\n")
	var folded [][]string // the start line and headers, each as its lines
	for i, line := range lines {
		if i > 1 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			last := len(folded) - 1
			folded[last] = append(folded[last], strings.Trim(line, " \t"))
			continue
		}
		folded = append(folded, []string{line})
	}
	out := make([]string, len(folded))
	for i, parts := range folded {
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
			value = trimAround(value, "/;,=:")
		case "from", "f", "to", "t", "contact", "m":
			value = trimAround(value, ";=")
		}
		out[i+1] = name + ": " + value
	}
	return []byte(strings.Join(out, "\r\n"))
}

// trimAround removes white space around each of the separators, except in quotes.
func trimAround(value, separators string) string {
	out := make([]byte, 0, len(value))
	isQuoted, isEscaped := false, false
	for i := range len(value) {
		c := value[i]
		isBlank := !isQuoted && (c == ' ' || c == '\t')
		if isBlank && len(out) > 0 && strings.IndexByte(separators, out[len(out)-1]) >= 0 {
			continue
		}
		if !isQuoted && strings.IndexByte(separators, c) >= 0 {
			out = bytes.TrimRight(out, " \t")
		}
		isQuoted = isQuoted != (c == '"' && !isEscaped)
		isEscaped = isQuoted && c == '\\' && !isEscaped
		out = append(out, c)
	}
	return string(out)
}

// badRequest returns the error response to a request that cannot be parsed, or nil if no
// response is due. It copies the headers that identify the request as they are.
func badRequest(head []byte) []byte {
	lines := strings.Split(string(head), "\r\n")
	method, _, _ := strings.Cut(lines[0], " ")
	if method == "" || method == "ACK" || strings.HasPrefix(lines[0], "SIP/") || !strings.Contains(lines[0], "SIP/") {
		return nil
	}
	var out strings.Builder
	out.WriteString("SIP/2.0 " + badRequestStatus(lines[0]) + "\r\n")
	isFound := make(map[string]bool)
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if long, ok := map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id"}[name]; ok {
			name = long
		}
		switch name {
		case "via":
		case "from", "to", "call-id", "cseq":
			if isFound[name] {
				continue
			}
		default:
			continue
		}
		isFound[name] = true
		out.WriteString(line + "\r\n")
	}
	if !isFound["via"] {
		return nil
	}
	return []byte(out.String() + "Content-Length: 0\r\n\r\n")
}

// badRequestStatus returns the status and reason for a bad request line.
func badRequestStatus(line string) string {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return "400 Bad Request"
	}
	if version := fields[2]; strings.HasPrefix(version, "SIP/") && version != "SIP/2.0" {
		return "505 Version Not Supported"
	}
	if scheme, _, ok := strings.Cut(fields[1], ":"); ok && isURIScheme(scheme) && !isSupportedScheme(scheme) {
		return "416 Unsupported URI Scheme"
	}
	return "400 Bad Request"
}

// isURIScheme reports whether text has only characters of a URI scheme (RFC 3986, 3.1).
func isURIScheme(text string) bool {
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" && text != ""
}

func isSupportedScheme(scheme string) bool {
	scheme = strings.ToLower(scheme)
	return scheme == "sip" || scheme == "sips" || scheme == "tel"
}

// responseAddr returns where to send a response by UDP: to the address that its request
// came from, and to the port of the first Via, or with rport to the port that the request
// came from (RFC 3261, 18.2.2; RFC 3581, 4).
func responseAddr(response []byte, from netip.AddrPort) netip.AddrPort {
	for line := range strings.SplitSeq(string(response), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "Via") && !strings.EqualFold(name, "v") {
			continue
		}
		via, _, _ := strings.Cut(value, ",")
		sentBy, parameters, _ := strings.Cut(via, ";")
		for p := range strings.SplitSeq(parameters, ";") {
			if key, _, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(key, "rport") {
				return from
			}
		}
		fields := strings.Fields(sentBy)
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

// singleHeaders are the headers that a request may have only once.
var singleHeaders = []string{"Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Length"}

// validate returns the error response to a request that can be parsed but not followed, or
// nil for a valid request.
func validate(r *sip.Request) *sip.Response {
	refuse := func(status int, reason string, headers ...string) *sip.Response {
		res := sip.NewResponseFromRequest(r, status, reason, nil)
		for i := 0; i < len(headers); i += 2 {
			res.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
		}
		return res
	}
	for _, name := range singleHeaders {
		if len(r.GetHeaders(name)) > 1 {
			return refuse(400, "Multiple "+name)
		}
	}
	cseq := r.CSeq()
	switch {
	case r.From() == nil || r.To() == nil || r.CallID() == nil || cseq == nil:
		return refuse(400, "Missing Header Field")
	case !strings.EqualFold(string(cseq.MethodName), string(r.Method)):
		return refuse(400, "CSeq Names Another Method")
	case cseq.SeqNo >= 1<<31:
		return refuse(400, "CSeq Too Large")
	}
	if h := r.MaxForwards(); h != nil && *h > maxForwards {
		return refuse(400, "Max-Forwards Too Large")
	}
	if !isSupportedScheme(r.Recipient.Scheme) {
		return refuse(416, "Unsupported URI Scheme")
	}
	if len(r.Recipient.Headers) > 0 {
		return refuse(400, "Header Fields in Request-URI")
	}
	if missing := unsupportedExtensions(r); missing != "" && r.Method != sip.CANCEL {
		return refuse(420, "Bad Extension", "Unsupported", missing)
	}
	if len(r.Body()) > 0 && (r.Method == sip.INVITE || r.Method == sip.UPDATE) && !isSDP(r) {
		return refuse(415, "Unsupported Media Type", "Accept", "application/sdp", "Accept-Encoding", "identity")
	}
	if r.Method == sip.INVITE && !acceptsSDP(r) {
		return refuse(406, "Not Acceptable")
	}
	return nil
}

// unsupportedExtensions returns the extensions that a request requires but we do not
// support, separated by commas.
func unsupportedExtensions(r *sip.Request) string {
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

// isSDP reports whether a request's body is SDP. That is the default without a Content-Type.
func isSDP(r *sip.Request) bool {
	if h := r.GetHeader("Content-Encoding"); h != nil && !strings.EqualFold(strings.TrimSpace(h.Value()), "identity") {
		return false
	}
	h := r.ContentType()
	if h == nil {
		return true
	}
	mediaType, _, _ := strings.Cut(h.Value(), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/sdp")
}

// acceptsSDP reports whether a request accepts SDP. A request without Accept does (RFC 3261,
// 20.1).
func acceptsSDP(r *sip.Request) bool {
	headers := r.GetHeaders("Accept")
	for _, h := range headers {
		for mediaType := range strings.SplitSeq(h.Value(), ",") {
			mediaType, _, _ = strings.Cut(mediaType, ";")
			switch strings.ToLower(strings.TrimSpace(mediaType)) {
			case "application/sdp", "application/*", "*/*":
				return true
			}
		}
	}
	return len(headers) == 0
}
