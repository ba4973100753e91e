package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"frontdesk/internal/fakeai"
)

// returns is the outside system of a shop. It books the first refund, but does not answer
// before it is released.
type returns struct {
	mu      sync.Mutex
	effects map[string]int
	release chan struct{}
}

func (s *returns) did(effect string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[effect]
}

func (s *returns) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	effect := r.Method + " " + r.URL.Path
	s.mu.Lock()
	s.effects[effect]++
	n := s.effects[effect]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case effect == "POST /refunds" && n == 1:
		select {
		case <-s.release:
		case <-r.Context().Done():
		}
	case strings.HasPrefix(effect, "GET /refunds/") && s.did("POST /refunds") == 0:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	fmt.Fprint(w, `{"id":"L7","status":"sent"}`)
}

// returnsAgents returns a folder with an agent that takes orders back.
func returnsAgents(t *testing.T, shop string) string {
	return folder(t, map[string]string{"demo/agent.yaml": strings.ReplaceAll(`
name: demo
language: en
greeting: Hello.
tools:
  allow: [return_order, workflow_status]
  http:
    - {name: order, description: Look up an order., url: "SHOP/orders/{order}", private: true, parameters: {properties: {order: {type: string}}, required: [order]}}
    - {name: create_label, description: Create a label., method: POST, url: "SHOP/labels/{order}", private: true, idempotent: true, parameters: {properties: {order: {type: string}}, required: [order]}}
    - {name: unlabel, description: Cancel a label., method: DELETE, url: "SHOP/labels/{id}", private: true, idempotent: true, parameters: {properties: {id: {type: string}}, required: [id]}}
    - name: refund
      description: Book a refund.
      method: POST
      url: SHOP/refunds
      private: true
      timeout: 30s
      effect: money
      parameters: {properties: {order: {type: string}, amount: {type: number}, reference: {type: string}}, required: [order, amount, reference]}
    - {name: refund_of, description: Find a refund., url: "SHOP/refunds/{reference}", private: true, parameters: {properties: {reference: {type: string}}, required: [reference]}}
  workflow:
    - name: return_order
      description: Take an order back and refund it.
      parameters: {properties: {order: {type: string}, amount: {type: number}}, required: [order, amount]}
      steps:
        - {name: look_up, tool: order, arguments: {order: "{order}"}}
        - {name: label, tool: create_label, arguments: {order: "{order}"}, undo: {tool: unlabel, arguments: {id: "{label/id}"}}}
        - name: refund
          tool: refund
          arguments: {order: "{order}", amount: "{amount}", reference: "{key}"}
          check: {tool: refund_of, arguments: {reference: "{key}"}}
      result: {label: "{label/id}"}
  rules:
    refund: {identify: [order, amount]}
    return_order: {question: "I would take order {order} back and refund {amount} dollars."}
`, "SHOP", shop)})
}

func returnsModel() *fakeai.Server {
	return fakeai.New(fakeai.Options{Tell: tellReturn, Rules: []fakeai.Rule{
		{Match: regexp.MustCompile(`return order (\d+) and refund (\d+) dollars`), Call: "return_order", Args: `{"order":"$1","amount":$2}`},
		{Match: regexp.MustCompile(`how far`), Call: "workflow_status", Args: `{}`},
	}})
}

// tellReturn tells a result as a model would.
func tellReturn(output string) string {
	switch {
	case strings.Contains(output, `"state":"completed"`) && strings.Contains(output, `"label":"L7"`):
		return "The label has been created and you have been refunded."
	case strings.Contains(output, `"done":["look_up","label"],"open":["refund"]`):
		return "The label has been created, the refund is still being booked."
	}
	return "I read " + output
}

// The caller agrees to the whole workflow once. The server is killed in its middle; the caller
// calls again and hears that it is done.
func TestWorkflowGoesOnAfterAKillAndIsToldToTheCaller(t *testing.T) {
	t.Parallel()
	shop := &returns{effects: make(map[string]int), release: make(chan struct{})}
	outside := httptest.NewServer(shop)
	t.Cleanup(func() { outside.CloseClientConnections(); outside.Close() }) // after the server
	ai := returnsModel()
	defer ai.Close()
	o := []func(*exec.Cmd){noVoice, args("--agents", returnsAgents(t, outside.URL)), env("FRONTDESK_LLM_PROVIDER=openai", "FRONTDESK_LLM_URL="+ai.URL, "FRONTDESK_LLM_MODEL=m")}
	s := start(t, o...)
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "Please return order 47329 and refund 20 dollars", "I would take order", "refund 20 dollars", "Shall I do that?")
	if n := shop.did("GET /orders/47329"); n > 0 {
		t.Error("the workflow began before the caller agreed")
	}
	c.answers(t, "Yes.", "not done yet")
	c.answers(t, "how far is it?", "The label has been created, the refund is still being booked.")
	s.kill()
	close(shop.release)

	s.run(t, "127.0.0.1:0", o...)
	again := s.openText(t, c.resume)
	again.begin(t, false)
	text := ""
	for range 3 { // a turn that was not stored before the kill is answered first
		told := again.expect(t, "response.done")
		output, _ := told.at("response", "output").([]any)
		if text = words(output...); strings.Contains(text, "been refunded") {
			break
		}
		t.Logf("first: %s", text)
	}
	if text != "The label has been created and you have been refunded." {
		t.Errorf("the caller is told %q", text)
	}
	if labels, refunds := shop.did("POST /labels/47329"), shop.did("POST /refunds"); labels != 1 || refunds != 1 {
		t.Errorf("%d labels and %d refunds, want one of each", labels, refunds)
	}
	if list, err := s.operate(t, "workflows", "ls", "--name", "chain"); err != nil || !strings.Contains(list, "completed") {
		t.Errorf("workflows ls: %v\n%s", err, list)
	}
}

// A caller who says no starts nothing, and one who leaves does not stop what has begun.
func TestWorkflowGoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	shop := &returns{effects: make(map[string]int), release: make(chan struct{})}
	outside := httptest.NewServer(shop)
	t.Cleanup(func() { outside.CloseClientConnections(); outside.Close() }) // after the server
	ai := returnsModel()
	defer ai.Close()
	s := start(t, noVoice, args("--agents", returnsAgents(t, outside.URL)), env("FRONTDESK_LLM_PROVIDER=openai", "FRONTDESK_LLM_URL="+ai.URL, "FRONTDESK_LLM_MODEL=m"))
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "Please return order 47329 and refund 20 dollars", "Shall I do that?")
	c.answers(t, "No.")
	c.answers(t, "how far is it?", `"workflows":[]`)
	c.answers(t, "Please return order 47329 and refund 20 dollars", "Shall I do that?")
	c.answers(t, "Yes.", "not done yet")
	s.hangup(t, c)
	close(shop.release)
	eventually(t, "the workflow is completed", func() bool {
		list, err := s.operate(t, "workflows", "ls", "--name", "chain", "--state", "completed")
		return err == nil && strings.Contains(list, "return_order")
	})
	if labels, refunds := shop.did("POST /labels/47329"), shop.did("POST /refunds"); labels != 1 || refunds != 1 {
		t.Errorf("%d labels and %d refunds, want one of each", labels, refunds)
	}
}
