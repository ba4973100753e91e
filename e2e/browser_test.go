package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"frontdesk/internal/require"
)

// tab is a page in its own Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// microphone plays the WAV at path, once, into every page's microphone.
func microphone(path string) chromedp.ExecAllocatorOption {
	return func(a *chromedp.ExecAllocator) {
		chromedp.Flag("use-fake-ui-for-media-stream", true)(a)
		chromedp.Flag("use-fake-device-for-media-stream", true)(a)
		chromedp.Flag("use-file-for-fake-audio-capture", path+"%noloop")(a)
	}
}

// denied makes Chromium deny the microphone to pages, as a user may.
func denied(a *chromedp.ExecAllocator) {
	chromedp.Flag("use-fake-device-for-media-stream", true)(a)
	chromedp.Flag("deny-permission-prompts", true)(a)
}

// visit opens url in a new Chromium.
func visit(t *testing.T, url string, options ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	options = append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath("chromium"), chromedp.NoFirstRun, chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 800),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("ignore-certificate-errors", true),
		chromedp.WSURLReadTimeout(time.Minute),
	}, options...)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		closeTab()
		stop()
	})
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as ctx
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(url), chromedp.WaitReady("body"))
	return p
}

// do runs actions, within a time that is long enough for a busy machine.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%v\nthe page shows:\n%s", err, p.text("body"))
	}
}

// text is the text that an element shows.
func (p *tab) text(selector string) string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	s, _ := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector)))
	return s
}

// until waits until a JavaScript expression is true.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			p.screenshot("failed")
			p.t.Fatalf("still not true after a minute: %s (%v)\nthe page shows:\n%s", what, err, p.text("body"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// shows waits until the elements' text contains all of the words, in any case.
func (p *tab) shows(selector string, words ...string) {
	p.t.Helper()
	list, err := json.Marshal(words)
	require.NoError(p.t, err)
	p.until(fmt.Sprintf("%s shows %q", selector, words), fmt.Sprintf(
		`%s.every(w => [...document.querySelectorAll(%q)].map(e => e.innerText).join("\n").toLowerCase().includes(w.toLowerCase()))`, list, selector))
}

// phase waits until the page is in a phase of the call.
func (p *tab) phase(phase string) {
	p.t.Helper()
	p.until("the page is "+phase, fmt.Sprintf(`document.body.dataset.phase === %q`, phase))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(selector))
}

// typeText types text into the page's text box.
func (p *tab) typeText(text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys("#say", text+"\r"))
}

// measureAudio makes window.loud count the ms of audible audio that the page plays from now on.
func (p *tab) measureAudio() {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const context = new AudioContext();
		const probe = context.createAnalyser();
		context.createMediaStreamSource(document.getElementById("voice").srcObject).connect(probe);
		const wave = new Float32Array(probe.fftSize);
		window.loud = 0;
		setInterval(() => {
			probe.getFloatTimeDomainData(wave);
			if (Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length) > 0.01) window.loud += 50;
		}, 50);
	})()`))
}

// screenshot saves a picture of the page in the folder E2E_SCREENSHOTS, if that is set.
func (p *tab) screenshot(name string) {
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+name+".png"), png, 0o600)
	}
}

func TestPageCallerAsksAndHearsTheAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, neuralSpeech)
	p := visit(t, s.url, microphone(speech(t, utterance{8 * time.Second, "What time do you open on Saturday?"})))
	p.click("#call")
	p.phase("speaking")
	p.measureAudio()
	p.shows(".entry.agent", "Willow Lane") // captions of the greeting
	p.shows(".entry.caller", "saturday")
	p.shows(".entry.agent", "9 am", "6 pm")
	p.until("the answer is audible", `window.loud > 1500`)
	p.phase("listening")
	p.screenshot("answered")
	p.click("#hangup")
	p.phase("ended")
	p.screenshot("ended")
	p.click(".developer summary")
	p.until("the developer view shows the stages of the turn and why it ended",
		`(cells => cells.length === 7 && Number(cells[5].innerText) > 0 && /^[a-z]+$/.test(cells[6].innerText))([...document.querySelectorAll("#turns td")])`)
	p.screenshot("developer")
}

func TestPageHoldsATypedConversation(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, s.url)
	p.typeText("Where is my order 47329?")
	p.shows(".entry.agent", "47329", "floor lamp")
	p.typeText("My printer stopped working after the update.")
	p.shows(".entry.agent", "printer")
	p.typeText("Please open a ticket.")
	p.shows(".entry.agent", "reach you")
	p.screenshot("typed")
}

func TestTypedTextIsAnsweredInVoiceDuringACall(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, s.url, microphone(speech(t)))
	p.click("#call")
	p.phase("speaking")
	p.measureAudio()
	p.typeText("How much is express shipping?")
	p.shows(".entry.agent", "express")
	p.until("the answer is audible", `window.loud > 1500`)
}

func TestPageOffersTextWithoutAMicrophone(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		option chromedp.ExecAllocatorOption
		says   string
	}{
		"denied":  {denied, "blocked"},
		"missing": {func(*chromedp.ExecAllocator) {}, "no microphone"},
	} {
		t.Run(name, func(t *testing.T) {
			p := visit(t, s.url, test.option)
			p.click("#call")
			p.shows("#problem", "microphone", test.says)
			p.screenshot("problem")
			p.typeText("What time do you open on Saturday?")
			p.shows(".entry.agent", "9 am")
		})
	}
}

func TestPageReconnectsWhenTheServerRestarts(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, s.url, microphone(speech(t, utterance{time.Minute, "Are you still there?"})))
	p.click("#call")
	p.phase("speaking")
	p.typeText("Where is my order 47329?")
	p.shows(".entry.agent", "floor lamp")
	addr := strings.TrimPrefix(s.url, "http://")
	s.kill()
	p.phase("reconnecting")
	p.screenshot("reconnecting")
	s.run(t, addr)
	p.until("the call continues", `["listening", "speaking", "thinking"].includes(document.body.dataset.phase)`)
	p.typeText("How much is express shipping?")
	p.shows(".entry.agent", "12 dollars", "floor lamp") // together with what was said before
}

func TestReloadedPageResumesTheConversation(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visit(t, s.url)
	p.typeText("Where is my order 47329?")
	p.shows(".entry.agent", "floor lamp")
	p.do(chromedp.Reload())
	p.shows(".entry.agent", "floor lamp")
	p.shows(".entry.caller", "47329")
	p.click("#again")
	p.until("the page shows no entries", `document.querySelectorAll(".entry").length === 0`)
}

func TestPageSpeaksTheCallersLanguage(t *testing.T) {
	t.Parallel()
	s := start(t, args("--agents", folder(t, map[string]string{
		"demo/agent.yaml":           "name: demo\ntitle: Willow\nlanguage: en\ntry: [Are you open?]\n",
		"laden/agent.yaml":          "name: laden\ntitle: Willow\nlanguage: de\ntry: [Ist offen?]\n",
		"laden/knowledge/zeiten.md": "# Öffnungszeiten\n\nAm Samstag öffnen wir um neun Uhr.\n",
	})))
	p := visit(t, s.url, chromedp.Flag("accept-lang", "fr,de-AT,en"))
	p.shows("#suggestions", "Ist offen?")
	p.until("the page is in German", `document.documentElement.lang === "de" && document.querySelector("#say").placeholder === "Schreiben Sie Ihre Frage"`)
	p.typeText("Öffnen Sie am Samstag?")
	p.shows(".entry.agent", "um neun Uhr")
	p.until("captions say their language", `[...document.querySelectorAll(".entry .words")].every(e => e.lang === "de")`)
	p.do(chromedp.Focus("#agent"), chromedp.SendKeys("#agent", "e")) // by keyboard: the first entry that begins with "e"
	p.shows("#suggestions", "Are you open?")
	p.until("the page is in English, without the other conversation", `document.documentElement.lang === "en" && document.querySelectorAll(".entry").length === 0`)
	p.do(chromedp.Reload())
	p.until("a reloaded page has the chosen agent", `document.querySelector("#agent").value === "demo" && document.documentElement.lang === "en"`)
	p.do(chromedp.Focus("#agent"), chromedp.SendKeys("#agent", "d"))
	p.shows(".entry.agent", "um neun Uhr") // the German conversation continues
	p.screenshot("german")
}

func TestPageExplainsThatTheMicrophoneNeedsHTTPS(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	p := visit(t, "http://desk.test:"+port, chromedp.Flag("host-resolver-rules", "MAP desk.test 127.0.0.1"))
	p.click("#call")
	p.shows("#problem", "HTTPS")
	p.screenshot("insecure")
	p.typeText("Do you ship to Canada?")
	p.shows(".entry.agent", "Canada")
}

func TestOpenAIAgentsClientHoldsASpokenConversation(t *testing.T) {
	t.Parallel()
	site := http.NewServeMux()
	site.Handle("/node_modules/", http.StripPrefix("/node_modules/", http.FileServer(http.Dir("node_modules"))))
	site.Handle("/", http.FileServer(http.Dir("testdata")))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := &http.Server{Handler: site, ReadHeaderTimeout: time.Second}
	go srv.Serve(l) //nolint:errcheck // ends with the listener
	t.Cleanup(func() { srv.Close() })
	origin := "http://" + l.Addr().String()

	s := start(t, env("FRONTDESK_ORIGINS="+origin))
	p := visit(t, origin+"/agents.html#"+s.url,
		microphone(speech(t, utterance{8 * time.Second, "What time do you open on Saturday?"})),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	p.shows("#state", "connected")
	p.shows("#history", "assistant:", "Willow Lane")
	p.measureAudio()
	p.shows("#history", "user:", "saturday")
	p.shows("#history", "9 am", "6 pm")
	p.until("the answer is audible", `window.loud > 1500`)
	if got := p.text("#errors"); got != "" {
		t.Errorf("the client reported errors:\n%s", got)
	}
}
