//go:build cgo

package pocketsphinx

/*
#cgo pkg-config: pocketsphinx
#include <stdlib.h>
#include <string.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sphinxbase/feat.h>
#include <sphinxbase/cmn.h>
#include <sphinxbase/ngram_model.h>

static void quiet(void *user, err_lvl_t level, const char *format, ...) {}
static void silence(void) { err_set_callback(quiet, NULL); }

// convert writes an ARPA model in the binary form that is quick to load.
static int convert(const char *arpa, const char *bin) {
	logmath_t *log = logmath_init(1.0001, 0, 0);
	if (log == NULL) return -1;
	ngram_model_t *model = ngram_model_read(NULL, arpa, NGRAM_ARPA, log);
	int result = -1;
	if (model != NULL) {
		result = ngram_model_write(model, bin, NGRAM_BIN);
		ngram_model_free(model);
	}
	logmath_free(log);
	return result;
}
*/
import "C"

import (
	"strings"
	"sync"
	"unsafe"

	"frontdesk/internal/fault"
)

// supported reports that this build has the library.
func supported() error { return nil }

// creating guards what the library does not do safely from several threads: making
// and freeing models. Decoders themselves share nothing.
var creating sync.Mutex

var silence = sync.OnceFunc(func() { C.silence() }) // the library logs to stderr otherwise

// decoder is a recogniser of the library with models of its own. Not safe for
// concurrent use.
type decoder struct {
	ps    *C.ps_decoder_t
	prior mean // of a caller not heard yet
}

// convertModel turns the ARPA file into the library's binary form.
func convertModel(arpa, bin string) error {
	creating.Lock()
	defer creating.Unlock()
	silence()
	from, to := C.CString(arpa), C.CString(bin)
	defer C.free(unsafe.Pointer(from))
	defer C.free(unsafe.Pointer(to))
	if C.convert(from, to) != 0 {
		return fault.New(fault.Internal, "the language model could not be converted")
	}
	return nil
}

// newDecoder makes a decoder with options as the library's command line has them.
func newDecoder(options []string) (*decoder, error) {
	creating.Lock()
	defer creating.Unlock()
	silence()
	argv := make([]*C.char, len(options))
	for i, o := range options {
		argv[i] = C.CString(o)
		defer C.free(unsafe.Pointer(argv[i]))
	}
	config := C.cmd_ln_parse_r(nil, C.ps_args(), C.int32(len(argv)), &argv[0], 1)
	if config == nil {
		return nil, fault.New(fault.Internal, "the recogniser does not take its options")
	}
	defer C.cmd_ln_free_r(config)
	ps := C.ps_init(config)
	if ps == nil {
		return nil, fault.New(fault.Provider, "the recogniser cannot load its models")
	}
	d := &decoder{ps: ps}
	d.prior.take(C.ps_get_feat(ps).cmn_struct)
	return d, nil
}

func (d *decoder) close() {
	creating.Lock()
	defer creating.Unlock()
	C.ps_free(d.ps)
}

// begin starts an utterance of a caller whose sound is like mean.
func (d *decoder) begin(m *mean) bool {
	if m.frames == 0 {
		m = &d.prior
	}
	m.put(C.ps_get_feat(d.ps).cmn_struct)
	C.ps_start_stream(d.ps) // the noise estimate is another caller's
	return C.ps_start_utt(d.ps) == 0
}

// feed takes sound at EarRate.
func (d *decoder) feed(pcm []int16) bool {
	if len(pcm) == 0 {
		return true
	}
	return C.ps_process_raw(d.ps, (*C.int16)(unsafe.Pointer(&pcm[0])), C.size_t(len(pcm)), 0, 0) >= 0
}

// end finishes the utterance.
func (d *decoder) end() bool { return C.ps_end_utt(d.ps) == 0 }

// learn tells what the caller of the last utterance sounds like.
func (d *decoder) learn(m *mean) { m.take(C.ps_get_feat(d.ps).cmn_struct) }

// words are those of the utterance so far, marks of noise and pronunciation left out.
func (d *decoder) words() []string {
	hypothesis := C.ps_get_hyp(d.ps, nil)
	if hypothesis == nil {
		return nil
	}
	words := strings.Fields(C.GoString(hypothesis))
	kept := words[:0]
	for _, w := range words {
		if base, _, _ := strings.Cut(w, "("); base != "" && !strings.ContainsAny(base, "<>[]+") {
			kept = append(kept, base)
		}
	}
	return kept
}

// mean is the average of a caller's cepstra, which normalisation takes off (cepstral
// mean normalisation, Atal, 1974). It is carried from utterance to utterance, whichever
// decoder has the next. The zero value is a caller not heard yet.
type mean struct {
	now, sum []C.mfcc_t
	frames   C.int32
}

// put makes a decoder take the caller up where the last utterance ended.
func (m *mean) put(c *C.cmn_t) {
	copy(unsafe.Slice(c.cmn_mean, c.veclen), m.now)
	copy(unsafe.Slice(c.sum, c.veclen), m.sum)
	c.nframe = m.frames
}

func (m *mean) take(c *C.cmn_t) {
	m.now = append(m.now[:0], unsafe.Slice(c.cmn_mean, c.veclen)...)
	m.sum = append(m.sum[:0], unsafe.Slice(c.sum, c.veclen)...)
	m.frames = c.nframe
}
