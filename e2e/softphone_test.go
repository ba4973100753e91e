package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/media"
)

// softphone is a call of baresip: it plays says into the call, and records what it hears.
type softphone struct {
	user   string  // of its SIP address
	addr   string  // where it can be reached; a free port by default
	codecs string  // of its account, such as "pcmu"
	params string  // more parameters of its account, such as ";mediaenc=srtp"
	says   []int16 // at rate
	rate   int     // Hz; 8000 by default
	dials  string  // SIP address to call; "" waits to be called

	dir string
	cmd *exec.Cmd
	out bytes.Buffer
}

// begin starts the softphone. quit ends it.
func (p *softphone) begin(t *testing.T) {
	t.Helper()
	p.dir = t.TempDir()
	if p.rate == 0 {
		p.rate = 8000
	}
	if p.addr == "" {
		p.addr = freeSIPAddr(t)
	}
	p.configure(t)
	flags := []string{"-f", p.dir}
	if p.dials != "" {
		flags = append(flags, "-e", "/dial "+p.dials)
	}
	p.cmd = exec.CommandContext(t.Context(), "baresip", flags...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(t, p.cmd.Start())
}

// configure writes what the softphone says, and baresip's own files.
func (p *softphone) configure(t *testing.T) {
	t.Helper()
	wav := filepath.Join(p.dir, "says.wav")
	f, err := os.Create(wav)
	if err == nil {
		err = media.WriteWAV(f, p.rate, 1, p.says)
	}
	require.NoError(t, err)
	f.Close()
	for name, text := range map[string]string{
		"config": fmt.Sprintf(`sip_listen %s
audio_player aubridge,heard
audio_alert aubridge,alert
audio_source aufile,%s
audio_channels 1
ausrc_srate %d
auplay_srate %[3]d
rtp_ports 31000-31999
module_path %[4]s
module g711.so
module g722.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
snd_path %[5]s
`, p.addr, wav, p.rate, baresipModules(t), p.dir),
		"accounts": fmt.Sprintf("<sip:%s@127.0.0.1>;regint=0;answermode=auto;audio_codecs=%s%s\n", p.user, p.codecs, p.params),
		"contacts": "",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
	}
}

// quit hangs up, if the call still lasts, and returns what the softphone heard, at 8 kHz.
func (p *softphone) quit(t *testing.T) []int16 {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil || !strings.Contains(p.out.String(), "Call established") {
		t.Fatalf("baresip of %s: %v\n%.3000s", p.user, err, p.out.String())
	}
	heard := p.recording(t)
	if heard == nil {
		t.Fatalf("baresip of %s recorded nothing", p.user)
	}
	return heard
}

// recording is what the softphone has heard so far, at 8 kHz; nil before the call.
func (p *softphone) recording(t *testing.T) []int16 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil || len(files) > 1 {
		t.Fatalf("baresip recorded %v, %v", files, err)
	}
	if len(files) == 0 {
		return nil
	}
	wav, err := os.ReadFile(files[0])
	require.NoError(t, err)
	const header = 44 // bytes; baresip fills in the lengths when the call ends
	if len(wav) < header {
		return nil
	}
	rate := int(binary.LittleEndian.Uint32(wav[24:]))
	if rate != 8000 && rate != 16000 {
		t.Fatalf("baresip recorded at %d Hz", rate)
	}
	pcm := make([]int16, (len(wav)-header)/2)
	if _, err := binary.Decode(wav[header:], binary.LittleEndian, pcm); err != nil {
		t.Fatal(err)
	}
	down := media.NewResampler(rate, 8000)
	return down.Flush(down.Process(nil, pcm))
}

func baresipModules(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("baresip's modules are missing: run make e2e, which installs them")
	return ""
}

// pause is silence at a rate.
func pause(d time.Duration, hz int) []int16 { return make([]int16, int(d.Milliseconds())*hz/1000) }

// length is how long audio at 8 kHz lasts.
func length(pcm []int16) time.Duration { return time.Duration(len(pcm)/8) * time.Millisecond }

// audibleTime is how many ms of what was heard at 8 kHz, between from and to, are not silent.
func audibleTime(heard []int16, from, to time.Duration) (ms int) {
	for at := from; at < to; at += 20 * time.Millisecond {
		i := int(at.Milliseconds()) * 8
		for _, x := range heard[min(i, len(heard)):min(i+160, len(heard))] {
			if x > 500 || x < -500 {
				ms += 20
				break
			}
		}
	}
	return ms
}
