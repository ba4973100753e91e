package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontdesk/internal/fakeai"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// node runs a script of testdata and decodes the JSON that it prints. The script trusts
// certificate, unless that is "".
func node(t *testing.T, result any, certificate, script string, args ...string) {
	t.Helper()
	for _, need := range []string{"node_modules/openai", "node_modules/@openai/agents-realtime"} {
		if _, err := os.Stat(need); err != nil {
			t.Fatalf("%s is missing: make test installs it (npm ci in e2e)", need)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join("testdata", script)}, args...)...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.Env = append(os.Environ(), "OPENAI_AGENTS_DISABLE_TRACING=1", "NODE_EXTRA_CA_CERTS="+certificate)
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v (Node 18 or newer is needed: make setup installs it)\n%s%s", script, err, &problems, &out)
	}
	if err := json.Unmarshal(out.Bytes(), result); err != nil {
		t.Fatalf("%s printed %s: %v", script, &out, err)
	}
}

// clientReply is a reply as openai.mjs received it.
type clientReply struct {
	Status, Text string
	Audible      int `json:"audible_ms"`
}

func TestOpenAIClientHoldsAConversationOverTLS(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	s := start(t, env("FRONTDESK_TLS_CERT="+cert, "FRONTDESK_TLS_KEY="+key))
	t.Run("typed", func(t *testing.T) {
		var got struct{ Greeting, Reply clientReply }
		node(t, &got, cert, "openai.mjs", s.url+"/v1", "any", "Where is my order 47329?")
		if got.Reply.Status != "completed" || !strings.Contains(got.Reply.Text, "floor lamp") || got.Reply.Audible != 0 {
			t.Errorf("the client got %+v", got)
		}
	})
	t.Run("spoken", func(t *testing.T) {
		var got struct {
			Greeting, Reply clientReply
			Transcript      string
		}
		audio := filepath.Join(t.TempDir(), "said.pcm")
		said, err := binary.Append(nil, binary.LittleEndian, pcm(t, "What time do you open on Saturday?", media.MouthRate))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(audio, said, 0o600))
		node(t, &got, cert, "openai.mjs", s.url+"/v1", "any", "", audio)
		if !strings.Contains(got.Greeting.Text, "Willow Lane") || got.Greeting.Audible < 1000 {
			t.Errorf("the greeting was %+v", got.Greeting)
		}
		if !strings.Contains(strings.ToLower(got.Transcript), "saturday") {
			t.Errorf("heard %q", got.Transcript)
		}
		if got.Reply.Status != "completed" || !strings.Contains(got.Reply.Text, "9 am") || got.Reply.Audible < 1000 {
			t.Errorf("the reply was %+v", got.Reply)
		}
	})
}

func TestOpenAIAgentsClientBringsItsOwnInstructionsAndTools(t *testing.T) {
	t.Parallel()
	ai := fakeai.New(fakeai.Options{Rules: []fakeai.Rule{
		{Match: regexp.MustCompile(`how warm is the (\w+)`), Call: "room_temperature", Args: `{"room":"$1"}`},
	}})
	defer ai.Close()
	s := start(t, env("FRONTDESK_KEYS=sk-porter", "FRONTDESK_LLM_URL="+ai.URL, "FRONTDESK_LLM_MODEL=fake"))
	var got struct {
		Calls  []struct{ Room string }
		Errors []string
		Audio  int `json:"audio_ms"`
	}
	node(t, &got, "", "agents.mjs", "ws"+strings.TrimPrefix(s.url, "http")+"/v1/realtime?model=demo", "sk-porter", "Tell me, how warm is the cellar?")
	if len(got.Calls) != 1 || got.Calls[0].Room != "cellar" {
		t.Errorf("the client's tool was called with %+v", got.Calls)
	}
	if len(got.Errors) > 0 {
		t.Errorf("the client reported %v", got.Errors)
	}
	if got.Audio < 1000 {
		t.Errorf("the client received %d ms of audio", got.Audio)
	}
	asked := ai.Requests()
	if len(asked) < 2 {
		t.Fatalf("the model got %d requests, want at least 2", len(asked))
	}
	for what, words := range map[string]string{"the client's instructions": "You are the night porter.", "the tool": "room_temperature", "the tool's result": "21 degrees"} {
		if !bytes.Contains(asked[len(asked)-1].Body, []byte(words)) {
			t.Errorf("the last request to the model does not contain %s", what)
		}
	}
}
