package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/tools/outbox"
)

// DeskConfig describes a help desk.
type DeskConfig struct {
	Name        string // of the destination
	URL         string // such as https://example.zendesk.com
	User, Token string
	ServiceDesk string // of Jira Service Management, such as 4
	RequestType string // of Jira Service Management, such as 25
	Refs        Refs
	Network
}

// desk is a help desk's API: what its connectors do differently.
type desk interface {
	// find returns the desk's own number of a ticket, "" if there is none.
	find(ctx context.Context, ticket string) (string, error)
	// open opens a ticket. key makes it idempotent, if the desk can.
	open(ctx context.Context, e outbox.Event, key string) (string, error)
	// comments returns the texts of a ticket's latest comments.
	comments(ctx context.Context, ref string) ([]string, error)
	// comment adds an internal comment, and changes the status if the desk's API can.
	comment(ctx context.Context, ref string, e outbox.Event, text string) error
}

// HelpDesk keeps a copy of each ticket in another system. It handles events about tickets:
// the first one opens the copy, and each later one is an internal comment.
type HelpDesk struct {
	name string
	refs Refs
	desk desk
}

// NewZendesk returns a destination that keeps tickets in Zendesk.
func NewZendesk(c DeskConfig) (*HelpDesk, error) {
	a, err := c.api()
	if err != nil {
		return nil, err
	}
	a.user += "/token"
	return &HelpDesk{name: c.Name, refs: c.Refs, desk: &zendesk{a}}, nil
}

// NewJira returns a destination that keeps tickets in Jira Service Management.
func NewJira(c DeskConfig) (*HelpDesk, error) {
	a, err := c.api()
	if err != nil {
		return nil, err
	}
	for name, id := range map[string]string{"service_desk": c.ServiceDesk, "request_type": c.RequestType} {
		if _, err := strconv.ParseUint(id, 10, 32); err != nil {
			return nil, fmt.Errorf("%s must be a number: the id in the desk's URLs and its REST API", name)
		}
	}
	return &HelpDesk{name: c.Name, refs: c.Refs, desk: &jira{api: a, serviceDesk: c.ServiceDesk, requestType: c.RequestType}}, nil
}

func (c DeskConfig) api() (*api, error) {
	if err := CheckURL(c.URL, c.Private); err != nil {
		return nil, fmt.Errorf("url %w", err)
	}
	if c.User == "" || c.Token == "" {
		return nil, errors.New("user and secret are needed: the e-mail address of an account and its API token")
	}
	return &api{client: c.client(), base: strings.TrimRight(c.URL, "/"), user: c.User, token: c.Token}, nil
}

// Deliver implements outbox.Destination. Events that are not about a ticket are not sent.
func (h *HelpDesk) Deliver(ctx context.Context, e outbox.Event, idempotencyKey string) error {
	ticket := e.Data.Ticket
	if ticket == "" {
		return nil
	}
	ref, err := h.refs.Ref(ctx, h.name, ticket)
	if err != nil {
		return err
	}
	if ref == "" {
		if ref, err = h.desk.find(ctx, ticket); err != nil {
			return err
		}
		isNew := ref == ""
		if isNew {
			if ref, err = h.desk.open(ctx, e, idempotencyKey); err != nil {
				return err
			}
		}
		if err := h.refs.SetRef(ctx, h.name, ticket, ref); err != nil {
			return err // the next attempt finds the ticket
		}
		if isNew || e.Type == outbox.TicketOpened {
			return nil
		}
	} else if e.Type == outbox.TicketOpened {
		return nil
	}
	return h.comment(ctx, ref, e, idempotencyKey)
}

// comment adds a comment unless an earlier attempt has done so.
func (h *HelpDesk) comment(ctx context.Context, ref string, e outbox.Event, key string) error {
	mark := "[" + key + "]"
	comments, err := h.desk.comments(ctx, ref)
	if err != nil {
		return err
	}
	for _, c := range comments {
		if strings.Contains(c, mark) {
			return nil
		}
	}
	return h.desk.comment(ctx, ref, e, describe(e)+"\n"+mark)
}

// zendesk is the Tickets API of Zendesk Support. external_id is our number.
type zendesk struct{ *api }

type zendeskTicket struct {
	ID         int64           `json:"id,omitempty"`
	ExternalID string          `json:"external_id,omitempty"`
	Subject    string          `json:"subject,omitempty"`
	Comment    *zendeskComment `json:"comment,omitempty"`
	Priority   string          `json:"priority,omitempty"`
	Status     string          `json:"status,omitempty"`
	Tags       []string        `json:"tags,omitempty"`
}

type zendeskComment struct {
	Body   string `json:"body"`
	Public bool   `json:"public"`
}

type zendeskEnvelope struct {
	Ticket zendeskTicket `json:"ticket"`
}

func (z *zendesk) find(ctx context.Context, ticket string) (string, error) {
	var found struct {
		Tickets []zendeskTicket `json:"tickets"`
	}
	err := z.do(ctx, http.MethodGet, "/api/v2/tickets.json?external_id="+url.QueryEscape(ticket), nil, nil, &found)
	for _, t := range found.Tickets {
		if err == nil && t.ExternalID == ticket && t.ID > 0 {
			return strconv.FormatInt(t.ID, 10), nil
		}
	}
	return "", err
}

func (z *zendesk) open(ctx context.Context, e outbox.Event, key string) (string, error) {
	in := zendeskEnvelope{zendeskTicket{
		ExternalID: e.Data.Ticket, Subject: title(e), Comment: &zendeskComment{Body: describe(e)},
		Priority: e.Data.Priority, Tags: []string{"frontdesk"},
	}}
	var out zendeskEnvelope
	if err := z.do(ctx, http.MethodPost, "/api/v2/tickets.json", http.Header{"Idempotency-Key": {key}}, in, &out); err != nil {
		return "", err
	}
	if out.Ticket.ID <= 0 {
		return "", fault.New(fault.BadAnswer, "the answer has no ticket").Retryable(0)
	}
	return strconv.FormatInt(out.Ticket.ID, 10), nil
}

func (z *zendesk) comments(ctx context.Context, ref string) (bodies []string, err error) {
	var found struct {
		Comments []zendeskComment `json:"comments"`
	}
	err = z.do(ctx, http.MethodGet, "/api/v2/tickets/"+url.PathEscape(ref)+"/comments.json?sort_order=desc", nil, nil, &found)
	for _, c := range found.Comments {
		bodies = append(bodies, c.Body)
	}
	return bodies, err
}

// zendeskStatus is Zendesk's name for our status. A closed ticket cannot be changed there, so
// Zendesk closes solved ones by its own rules.
var zendeskStatus = map[string]string{"open": "open", "waiting": "pending", "solved": "solved", "closed": "solved", "withdrawn": "solved"}

func (z *zendesk) comment(ctx context.Context, ref string, e outbox.Event, text string) error {
	in := zendeskEnvelope{zendeskTicket{Comment: &zendeskComment{Body: text}}}
	if e.Type == outbox.TicketChanged || e.Type == outbox.TicketReplied {
		in.Ticket.Status = zendeskStatus[e.Data.Status]
	}
	return z.do(ctx, http.MethodPut, "/api/v2/tickets/"+url.PathEscape(ref)+".json", nil, in, nil)
}

// jira is the REST API of Jira Service Management. The summary of a request has our number.
type jira struct {
	*api
	serviceDesk, requestType string
}

func (j *jira) find(ctx context.Context, ticket string) (string, error) {
	var found struct {
		Issues []struct {
			Key    string `json:"key"`
			Fields struct {
				Summary string `json:"summary"`
			} `json:"fields"`
		} `json:"issues"`
	}
	query := url.Values{"jql": {`summary ~ "\"` + headerToken(ticket) + `\"" ORDER BY created ASC`}, "fields": {"summary"}, "maxResults": {"20"}}
	err := j.do(ctx, http.MethodGet, "/rest/api/3/search/jql?"+query.Encode(), nil, nil, &found)
	for _, i := range found.Issues {
		if err == nil && i.Key != "" && strings.Contains(i.Fields.Summary, jiraMark(ticket)) {
			return i.Key, nil
		}
	}
	return "", err
}

// jiraMark is the part of a summary by which a ticket is found.
func jiraMark(ticket string) string { return "[" + ticket + "]" }

func (j *jira) open(ctx context.Context, e outbox.Event, _ string) (string, error) {
	summary := e.Data.Subject
	if summary == "" {
		summary = textsOf(e.Data.Language).titles[e.Type]
	}
	in := map[string]any{
		"serviceDeskId": j.serviceDesk, "requestTypeId": j.requestType,
		"requestFieldValues": map[string]string{"summary": jiraMark(e.Data.Ticket) + " " + summary, "description": describe(e)},
	}
	var out struct {
		IssueKey string `json:"issueKey"`
	}
	if err := j.do(ctx, http.MethodPost, "/rest/servicedeskapi/request", nil, in, &out); err != nil {
		return "", err
	}
	if out.IssueKey == "" {
		return "", fault.New(fault.BadAnswer, "the answer has no request").Retryable(0)
	}
	return out.IssueKey, nil
}

// maxJiraPages bounds the comments that are read: 50 on a page.
const maxJiraPages = 20

func (j *jira) comments(ctx context.Context, ref string) (bodies []string, err error) {
	for start := 0; start < maxJiraPages*50; {
		var page struct {
			Values []struct {
				Body string `json:"body"`
			} `json:"values"`
			IsLast bool `json:"isLastPage"`
		}
		path := fmt.Sprintf("/rest/servicedeskapi/request/%s/comment?limit=50&start=%d", url.PathEscape(ref), start)
		if err := j.do(ctx, http.MethodGet, path, nil, nil, &page); err != nil {
			return nil, err
		}
		for _, v := range page.Values {
			bodies = append(bodies, v.Body)
		}
		if start += len(page.Values); page.IsLast || len(page.Values) == 0 {
			break
		}
	}
	return bodies, nil
}

func (j *jira) comment(ctx context.Context, ref string, _ outbox.Event, text string) error {
	return j.do(ctx, http.MethodPost, "/rest/servicedeskapi/request/"+url.PathEscape(ref)+"/comment", nil,
		map[string]any{"body": text, "public": false}, nil)
}
