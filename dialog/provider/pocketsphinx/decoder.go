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

static void ignore_log(void *user, err_lvl_t level, const char *format, ...) {}
static void disable_log(void) { err_set_callback(ignore_log, NULL); }

// convert_model writes an ARPA model in the binary format, which loads faster.
static int convert_model(const char *arpa, const char *bin) {
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

// Available reports whether this build has the pocketsphinx library.
const Available = true

// requireLibrary returns an error in a build without the library.
func requireLibrary() error { return nil }

// modelMu serialises creating and freeing models, which is not thread-safe in the library.
// Decoders share nothing.
var modelMu sync.Mutex

// disableLog keeps the library from logging to standard error.
var disableLog = sync.OnceFunc(func() { C.disable_log() })

// decoder is a decoder of the library with its own models. It is not safe for concurrent use.
type decoder struct {
	ps          *C.ps_decoder_t
	initialMean cepstralMean // for callers who have not spoken yet
}

// convertModel converts the ARPA file to the library's binary format.
func convertModel(arpa, bin string) error {
	modelMu.Lock()
	defer modelMu.Unlock()
	disableLog()
	from, to := C.CString(arpa), C.CString(bin)
	defer C.free(unsafe.Pointer(from))
	defer C.free(unsafe.Pointer(to))
	if C.convert_model(from, to) != 0 {
		return fault.New(fault.Internal, "pocketsphinx cannot convert the language model")
	}
	return nil
}

// newDecoder creates a decoder. options are those of the library's command line.
func newDecoder(options []string) (*decoder, error) {
	modelMu.Lock()
	defer modelMu.Unlock()
	disableLog()
	argv := make([]*C.char, len(options))
	for i, o := range options {
		argv[i] = C.CString(o)
		defer C.free(unsafe.Pointer(argv[i]))
	}
	config := C.cmd_ln_parse_r(nil, C.ps_args(), C.int32(len(argv)), &argv[0], 1)
	if config == nil {
		return nil, fault.New(fault.Internal, "pocketsphinx rejects its options")
	}
	defer C.cmd_ln_free_r(config)
	ps := C.ps_init(config)
	if ps == nil {
		return nil, fault.New(fault.Provider, "pocketsphinx cannot load its models")
	}
	d := &decoder{ps: ps}
	d.initialMean.save(C.ps_get_feat(ps).cmn_struct)
	return d, nil
}

func (d *decoder) close() {
	modelMu.Lock()
	defer modelMu.Unlock()
	C.ps_free(d.ps)
}

// begin starts an utterance of the caller with the given mean.
func (d *decoder) begin(m *cepstralMean) bool {
	if m.frames == 0 {
		m = &d.initialMean
	}
	m.restore(C.ps_get_feat(d.ps).cmn_struct)
	C.ps_start_stream(d.ps) // resets the noise estimate, which belongs to the previous caller
	return C.ps_start_utt(d.ps) == 0
}

// feed decodes audio at media.EarRate.
func (d *decoder) feed(pcm []int16) bool {
	if len(pcm) == 0 {
		return true
	}
	return C.ps_process_raw(d.ps, (*C.int16)(unsafe.Pointer(&pcm[0])), C.size_t(len(pcm)), 0, 0) >= 0
}

// end finishes the utterance.
func (d *decoder) end() bool { return C.ps_end_utt(d.ps) == 0 }

// saveMean stores the mean after the last utterance in m.
func (d *decoder) saveMean(m *cepstralMean) { m.save(C.ps_get_feat(d.ps).cmn_struct) }

// words returns the words of the utterance so far, without marks of noise and pronunciation.
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

// cepstralMean is the mean of one caller's cepstra, which the decoder subtracts (cepstral mean
// normalization, Atal, 1974). The caller's next utterance begins with it, in whichever decoder.
// The zero value stands for a caller who has not spoken yet.
type cepstralMean struct {
	mean, sum []C.mfcc_t
	frames    C.int32
}

func (m *cepstralMean) restore(c *C.cmn_t) {
	copy(unsafe.Slice(c.cmn_mean, c.veclen), m.mean)
	copy(unsafe.Slice(c.sum, c.veclen), m.sum)
	c.nframe = m.frames
}

func (m *cepstralMean) save(c *C.cmn_t) {
	m.mean = append(m.mean[:0], unsafe.Slice(c.cmn_mean, c.veclen)...)
	m.sum = append(m.sum[:0], unsafe.Slice(c.sum, c.veclen)...)
	m.frames = c.nframe
}
